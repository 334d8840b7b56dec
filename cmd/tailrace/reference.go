package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate sh -c "go run . cli-reference > ../../docs/reference/cli.md"

// referenceCommand prints the reference page of the command line from the commands themselves.
func referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cli-reference", Short: "Print the reference page of the command line", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), cliReference(cmd.Root()))
			return err
		},
	}
}

func cliReference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Command line\n\nGenerated from the commands; `tailrace COMMAND --help` prints the same.\n\n" + root.Long + "\n\n## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	writeCommands(&b, root)
	return b.String()
}

func writeCommands(b *strings.Builder, parent *cobra.Command) {
	for _, c := range parent.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."), c.UseLine())
		if c.Long != "" {
			fmt.Fprintf(b, "\n%s\n", c.Long)
		}
		if c.Example != "" {
			fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(c.Example, "\n  ", "\n"))
		}
		if c.HasAvailableLocalFlags() {
			b.WriteString("\n")
			writeFlags(b, c.LocalNonPersistentFlags())
		}
		writeCommands(b, c)
	}
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | what |\n| --- | --- |\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		usage := strings.ReplaceAll(f.Usage, "|", "\\|")
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			usage += fmt.Sprintf(" (default `%s`)", f.DefValue)
		}
		fmt.Fprintf(b, "| `--%s` | %s |\n", f.Name, usage)
	})
}
