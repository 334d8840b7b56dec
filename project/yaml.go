package project

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxNesting bounds brackets and compact lists, since the parser recurses.
const maxNesting = 100

// A reference such as ${env:NAME:-a,b} may stand unquoted, also inside { },
// where YAML would end the text at its brace. While the parser reads, these
// characters are others of a private area, one for one, so columns stay true.
const inReference = "{}[],:#&*!|>'\"%@`"

const privateArea = 0xE000

// parseYAML parses one document. src starts on line before+1 of its file.
// Nothing comes back for an empty document or a broken one.
func parseYAML(path string, src string, before int, out *Diagnostics) (root ast.Node) {
	fail := func(at Position, message string) {
		out.add(SeverityError, CodeYAMLSyntax, path, at, "", "%s", message)
	}
	if line, deep := tooDeep(src); deep {
		fail(Position{before + line, 1}, fmt.Sprintf("nesting is deeper than %d levels", maxNesting))
		return nil
	}
	defer func() {
		// A parser of other people's making must not take the server down with
		// a file that it can't read.
		if r := recover(); r != nil {
			fail(Position{before + 1, 1}, "this is not YAML")
			root = nil
		}
	}()
	file, err := parser.ParseBytes([]byte(hideReferences(src)), 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			p := syntax.Token.Position
			fail(Position{before + p.Line, p.Column}, restoreReferences(syntax.Message))
		} else {
			fail(Position{before + 1, 1}, "this is not YAML")
		}
		return nil
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			at := nodePosition(doc.Body)
			fail(Position{before + at.Line, at.Column}, "a file holds one YAML document, this begins a second")
			break
		}
		root = doc.Body
	}
	return root
}

// tooDeep finds the first line on which brackets or `- - -` nest too deeply.
func tooDeep(src string) (line int, deep bool) {
	depth := 0
	for i, text := range strings.Split(src, "\n") {
		compact := 0
		for rest := strings.TrimLeft(text, " "); len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && rest[1] == ' '; {
			rest = strings.TrimLeft(rest[2:], " ")
			compact++
		}
		for _, r := range text {
			switch r {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth+compact > maxNesting {
				return i + 1, true
			}
		}
		if strings.Count(text, ": ") > maxNesting && !strings.ContainsAny(text, "{\"'#") {
			return i + 1, true
		}
	}
	return 0, false
}

func hideReferences(src string) string {
	var b strings.Builder
	for {
		start := strings.Index(src, "${")
		if start < 0 {
			break
		}
		end := strings.IndexAny(src[start:], "}\n")
		if end < 0 || src[start+end] == '\n' {
			b.WriteString(src[:start+2])
			src = src[start+2:]
			continue
		}
		b.WriteString(src[:start])
		for _, r := range src[start : start+end+1] {
			if r < 128 && strings.ContainsRune(inReference, r) {
				r += privateArea
			}
			b.WriteRune(r)
		}
		src = src[start+end+1:]
	}
	b.WriteString(src)
	return b.String()
}

// hidden finds references whose characters are in the private area.
var hidden = regexp.MustCompile("\\$\uE07B[^\uE07D\n]*\uE07D")

func restoreReferences(s string) string {
	return hidden.ReplaceAllStringFunc(s, func(ref string) string {
		return strings.Map(func(r rune) rune {
			if r >= privateArea && r < privateArea+128 {
				return r - privateArea
			}
			return r
		}, ref)
	})
}

// nodePosition is where a reader would point: at a mapping's first key, not at
// its colon.
func nodePosition(n ast.Node) Position {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return nodePosition(v.Values[0])
		}
	case *ast.MappingValueNode:
		return nodePosition(v.Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	return Position{t.Position.Line, t.Position.Column}
}

// entries returns the pairs of a mapping; ok is false for any other node.
func entries(n ast.Node) (pairs []*ast.MappingValueNode, ok bool) {
	switch v := n.(type) {
	case *ast.MappingNode:
		return v.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}, true
	}
	return nil, false
}

// scalarText returns the text of a scalar as it was written; ok is false for
// mappings, lists and null.
func scalarText(n ast.Node) (text string, ok bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return restoreReferences(v.Value), true
	case *ast.LiteralNode:
		return restoreReferences(v.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return restoreReferences(n.GetToken().Value), true
	}
	return "", false
}

// kindOf names a node for a message.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "text"
}
