package project

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// SARIF renders ds as a SARIF 2.1.0 log, which code hosts show beside the line.
// version is the version of this binary.
func (ds Diagnostics) SARIF(version string) ([]byte, error) {
	type text struct {
		Text string `json:"text"`
	}
	type region struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	type physical struct {
		Artifact map[string]string `json:"artifactLocation"`
		Region   *region           `json:"region,omitempty"`
	}
	type location struct {
		Physical physical `json:"physicalLocation"`
	}
	type result struct {
		RuleID    string     `json:"ruleId"`
		Level     string     `json:"level"`
		Message   text       `json:"message"`
		Locations []location `json:"locations"`
	}
	type rule struct {
		ID    string `json:"id"`
		Short text   `json:"shortDescription"`
	}
	results, rules, seen := []result{}, []rule{}, map[Code]bool{}
	for _, d := range ds {
		if !seen[d.Code] {
			seen[d.Code] = true
			rules = append(rules, rule{ID: string(d.Code), Short: text{d.Code.Summary()}})
		}
		at := physical{Artifact: map[string]string{"uri": d.Path}}
		if d.Line > 0 {
			at.Region = &region{d.Line, max(d.Column, 1)}
		}
		msg := d.Message
		if d.Hint != "" {
			msg += " (" + d.Hint + ")"
		}
		results = append(results, result{
			RuleID: string(d.Code), Level: string(d.Severity), Message: text{msg},
			Locations: []location{{at}},
		})
	}
	return json.MarshalIndent(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool": map[string]any{"driver": map[string]any{
				"name": "tailrace", "version": version, "rules": rules,
			}},
			"results": results,
		}},
	}, "", "  ")
}

// GitHub renders ds as workflow commands that GitHub shows as annotations.
// prefix is the project's folder inside the repository ("" if it is the root).
func (ds Diagnostics) GitHub(prefix string) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	if prefix = strings.Trim(path.Clean(prefix), "/"); prefix == "." {
		prefix = ""
	} else if prefix != "" {
		prefix += "/"
	}
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "::%s file=%s", d.Severity, property.Replace(prefix+d.Path))
		if d.Line > 0 {
			fmt.Fprintf(&b, ",line=%d,col=%d", d.Line, max(d.Column, 1))
		}
		msg := d.Message
		if d.Hint != "" {
			msg += " (" + d.Hint + ")"
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", property.Replace(string(d.Code)), data.Replace(msg))
	}
	return b.String()
}
