package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tailrace/tailrace/audiences"
)

// printTests prints a line a test, and what differs of those that fail.
func printTests(w io.Writer, results []audiences.UnitResult, took time.Duration) {
	counts := map[audiences.UnitStatus]int{}
	for _, r := range results {
		counts[r.Status]++
		word := map[audiences.UnitStatus]string{audiences.UnitPassed: styleGood.Render("PASS"), audiences.UnitFailed: styleBad.Render("FAIL"),
			audiences.UnitBroken: styleBad.Render("ERROR")}[r.Status]
		fmt.Fprintf(w, "%s %s: %s %s\n", word, r.File, r.Name, styleFaint.Render(milliseconds(r.Seconds)))
		if details := testDetails(r); details != "" {
			fmt.Fprintf(w, "  %s:%d\n%s", r.Path, r.Line, details)
		}
	}
	fmt.Fprintf(w, "%s: %d passed", plural(len(results), "test"), counts[audiences.UnitPassed])
	if n := counts[audiences.UnitFailed]; n > 0 {
		fmt.Fprintf(w, ", %d failed", n)
	}
	if n := counts[audiences.UnitBroken]; n > 0 {
		fmt.Fprintf(w, ", %d with errors", n)
	}
	fmt.Fprintf(w, " in %.1f s\n", took.Seconds())
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.0f ms", seconds*1000) }

// testDetails are the rows that differ: - is missing, + wasn't expected.
func testDetails(r audiences.UnitResult) string {
	var b strings.Builder
	if r.Error != "" {
		fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(r.Error, "\n", "\n    "))
	}
	for _, row := range r.Missing {
		fmt.Fprintf(&b, "    %s\n", styleBad.Render("- "+row.String()))
	}
	for _, row := range r.Unexpected {
		fmt.Fprintf(&b, "    %s\n", styleGood.Render("+ "+row.String()))
	}
	return b.String()
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitDetails `xml:"failure"`
	Error   *junitDetails `xml:"error"`
}

type junitDetails struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the results as CI servers read them.
func writeJUnit(path string, results []audiences.UnitResult) error {
	s := junitSuite{Name: "tailrace", Tests: len(results)}
	for _, r := range results {
		t := junitCase{Name: r.Name, Class: string(r.Kind) + "." + r.File, File: r.Path, Line: r.Line, Time: fmt.Sprintf("%.3f", r.Seconds)}
		switch r.Status {
		case audiences.UnitFailed:
			s.Failures++
			t.Failure = &junitDetails{fmt.Sprintf("%d rows missing, %d not expected", len(r.Missing), len(r.Unexpected)), testDetails(r)}
		case audiences.UnitBroken:
			s.Errors++
			t.Error = &junitDetails{"the test can't run", testDetails(r)}
		}
		s.Cases = append(s.Cases, t)
	}
	raw, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the JUnit report: %w", err)
	}
	if err := os.WriteFile(path, append([]byte(xml.Header), append(raw, '\n')...), 0o644); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	return nil
}
