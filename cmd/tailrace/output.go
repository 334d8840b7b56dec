package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
)

var (
	styleHead  = lipgloss.NewStyle().Bold(true)
	styleFaint = lipgloss.NewStyle().Faint(true)
	styleGood  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	styleWarn  = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	styleBad   = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
)

// printJSON writes v as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// printTable writes a table for people; columns that hold only numbers are right-aligned.
func printTable(w io.Writer, head []string, rows [][]string) error {
	numeric := make([]bool, len(head))
	for c := range head {
		numeric[c] = len(rows) > 0
		for _, row := range rows {
			cell := strings.NewReplacer(",", "", "%", "", "-", "", "+", "", "~", "", " ", "").Replace(row[c])
			if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" {
				numeric[c] = false
				break
			}
		}
	}
	t := table.New().Border(lipgloss.RoundedBorder()).BorderStyle(styleFaint).Headers(head...).Rows(rows...).
		StyleFunc(func(row, col int) lipgloss.Style {
			s := lipgloss.NewStyle().Padding(0, 1)
			if row == table.HeaderRow {
				s = s.Bold(true)
			}
			if col < len(numeric) && numeric[col] {
				s = s.Align(lipgloss.Right)
			}
			return s
		})
	_, err := fmt.Fprintln(w, t)
	return err
}

// count writes n with thousands separators.
func count[T ~int | ~int64 | ~uint64 | ~uint32](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ago writes a moment as people read it; the zero time is a dash.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "–"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return t.UTC().Format("2006-01-02 15:04")
	}
}

// stateStyle colours the state of a run or a version.
func stateStyle(state string) string {
	switch state {
	case "succeeded", "published", "unchanged":
		return styleGood.Render(state)
	case "failed", "discarded", "cancelled":
		return styleBad.Render(state)
	case "held", "partial", "stale":
		return styleWarn.Render(state)
	default:
		return state
	}
}
