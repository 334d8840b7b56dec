package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
)

// privacyChunk is how many rows one PUT of consents or suppressions carries.
const privacyChunk = 5_000

func suppressCommand(c *config) *cobra.Command {
	var file, reason string
	var lift bool
	cmd := &cobra.Command{
		Use:   "suppress KIND:VALUE…",
		Short: "Never send these people anywhere",
		Long:  "Suppresses people by identifier: email:ada@example.com, user_id:42, anonymous_id:… or profile_id:…. When it returns, the send path sees it. A CSV file needs the columns kind and value, and may have reason.",
		Example: `  tailrace suppress email:ada@example.com --reason "asked by phone"
  tailrace suppress --file suppressions.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			active := !lift
			send := sender[api.Suppression](cmd, c, "/api/v1/suppressions", nil)
			return fromArgsOrFile(args, file, send, func(id api.Identifier, row map[string]string) (api.Suppression, error) {
				s := api.Suppression{Identifier: id, Reason: reason, Active: &active}
				if row["reason"] != "" {
					s.Reason = row["reason"]
				}
				return s, nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "CSV with kind, value and, if wanted, reason")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	cmd.Flags().BoolVar(&lift, "lift", false, "lift the suppression instead")
	return cmd
}

func consentCommand(c *config) *cobra.Command {
	var file, source string
	var categories []string
	var deny, force bool
	cmd := &cobra.Command{
		Use:     "consent KIND:VALUE…",
		Short:   "Record what people agreed to",
		Long:    "Records consent by identifier and category; unknown consent means not sent. A CSV file needs the columns kind, value, category and status (granted or denied), and may have source and at (RFC 3339).",
		Example: "  tailrace consent user_id:42 --category marketing\n  tailrace consent --file consents.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			send := sender[api.Consent](cmd, c, "/api/v1/consents", map[string]any{"allow_new": &force})
			if file == "" && len(categories) == 0 {
				return errors.New("say for what with --category, such as --category marketing")
			}
			status := "granted"
			if deny {
				status = "denied"
			}
			if file == "" {
				for _, category := range categories {
					err := fromArgsOrFile(args, "", send, func(id api.Identifier, _ map[string]string) (api.Consent, error) {
						return api.Consent{Identifier: id, Category: category, Status: status, Source: source}, nil
					})
					if err != nil {
						return err
					}
				}
				return nil
			}
			return fromArgsOrFile(args, file, send, func(id api.Identifier, row map[string]string) (api.Consent, error) {
				out := api.Consent{Identifier: id, Category: row["category"], Status: row["status"], Source: row["source"]}
				if row["at"] != "" {
					at, err := parseImportTime(row["at"], "")
					if err != nil {
						return out, fmt.Errorf("column at: %w", err)
					}
					out.At = at
				}
				return out, nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "CSV with kind, value, category, status")
	cmd.Flags().StringVar(&source, "source", "cli", "where it was given")
	cmd.Flags().StringSliceVar(&categories, "category", nil, "category, such as marketing; may repeat")
	cmd.Flags().BoolVar(&force, "force", false, "record categories that no file and no earlier consent names")
	cmd.Flags().BoolVar(&deny, "deny", false, "record a refusal or a withdrawal")
	return cmd
}

// sender PUTs rows, with more in each body, in chunks over one client and prints how many were recorded.
func sender[T any](cmd *cobra.Command, c *config, path string, more map[string]any) func([]T) error {
	return func(items []T) error {
		return withClient(cmd, c, func(cl *client) error {
			written := 0
			for len(items) > 0 {
				n := min(privacyChunk, len(items))
				var out api.Written
				body := map[string]any{"items": items[:n]}
				maps.Copy(body, more)
				if err := cl.call(cmd.Context(), http.MethodPut, path, nil, body, &out); err != nil {
					return err
				}
				written += out.Written
				items = items[n:]
			}
			if c.JSON {
				return printJSON(cmd.OutOrStdout(), api.Written{Written: written})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "recorded %s\n", count(written))
			return nil
		})
	}
}

// fromArgsOrFile reads identifiers from KIND:VALUE arguments or a CSV file and sends what build makes of them.
func fromArgsOrFile[T any](args []string, file string, send func([]T) error, build func(api.Identifier, map[string]string) (T, error)) error {
	if (len(args) == 0) == (file == "") {
		return errors.New("give identifiers such as email:ada@example.com, or --file with a CSV")
	}
	var items []T
	for _, arg := range args {
		kind, value, ok := strings.Cut(arg, ":")
		if !ok || value == "" {
			return fmt.Errorf("%q: write KIND:VALUE, such as email:ada@example.com", arg)
		}
		item, err := build(api.Identifier{Kind: kind, Value: value}, nil)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("opening the file: %w", err)
		}
		defer f.Close()
		rows, err := newRowReader(f, file, importMapping{Format: "csv"})
		if err != nil {
			return err
		}
		for {
			line, row, _, err := rows.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if isRowError(err) {
				return fmt.Errorf("%s:%d: %w", file, line, err)
			}
			if err != nil {
				return fmt.Errorf("reading %s: %w", file, err)
			}
			item, err := build(api.Identifier{Kind: row["kind"], Value: row["value"]}, row)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", file, line, err)
			}
			items = append(items, item)
		}
	}
	return send(items)
}
