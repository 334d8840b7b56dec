package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"github.com/tailrace/tailrace/api"
)

func tokensCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{Use: "tokens", Short: "Make, list and revoke API tokens"}
	var role string
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token; it is printed once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var out api.NewToken
				if err := cl.post(cmd.Context(), "/api/v1/tokens", map[string]string{"name": args[0], "role": role}, &out); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), out)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s, role %s; the token is shown only now:\n", out.ID, out.Role)
				fmt.Fprintln(cmd.OutOrStdout(), out.Secret)
				return nil
			})
		},
	}
	create.Flags().StringVar(&role, "role", "operator", "viewer, operator, officer or admin")
	list := &cobra.Command{
		Use: "list", Short: "List tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var out pageOf[api.Token]
				if err := cl.get(cmd.Context(), "/api/v1/tokens", nil, &out); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), out.Items)
				}
				rows := make([][]string, len(out.Items))
				for i, t := range out.Items {
					state := "active"
					if t.Revoked {
						state = "revoked"
					}
					rows[i] = []string{t.ID, t.Name, t.Role, state, ago(t.CreatedAt, time.Now()), t.CreatedBy}
				}
				return printTable(cmd.OutOrStdout(), []string{"id", "name", "role", "state", "created", "by"}, rows)
			})
		},
	}
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Revoke a token", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				return cl.call(cmd.Context(), http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(args[0]), nil, nil, nil)
			})
		},
	}
	cmd.AddCommand(create, list, revoke)
	return cmd
}

// pageOf is one page of a list of the API.
type pageOf[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// withClient connects, runs fn and closes, and reports the first error.
func withClient(cmd *cobra.Command, c *config, fn func(*client) error) error {
	cl, err := c.connect(cmd.Context())
	if err != nil {
		return err
	}
	err = fn(cl)
	if closed := cl.close(); err == nil {
		err = closed
	}
	return err
}
