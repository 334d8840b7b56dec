package lex

import (
	"fmt"
	"regexp"
	"strings"
)

// Header splits a SQL file into the front matter of its first block comment
// and its body. The front matter is the comment's text, without a first line
// that only names the kind of file (HeaderKind); yamlLine is the file's line on
// which it begins. The body begins on the file's line bodyLine, and its columns
// are the file's columns. Only blanks and line comments may precede the
// comment: a file that begins with something else has no header, which is no
// error (yaml is empty, yamlLine 0, the body the whole file).
//
// The error is an *Error with its place: a comment that is not closed, a cron
// step whose */ cut the header in two, and a nested comment, which ClickHouse
// would end elsewhere than at the first */.
func Header(src string) (yaml string, yamlLine int, body string, bodyLine int, err error) {
	start, found := headerStart(src)
	if !found {
		return "", 0, src, 1, nil
	}
	inside := start + len("/*")
	length := strings.Index(src[inside:], "*/")
	if length < 0 {
		return "", 0, "", 0, &Error{Pos: PosAt(src, start), Message: "the header's comment is not closed", Hint: "end it with */"}
	}
	end := inside + length
	if cut := cronTrap(src, inside, end); cut != nil {
		return "", 0, "", 0, cut
	}
	if i := strings.Index(src[inside:end], "/*"); i >= 0 {
		return "", 0, "", 0, &Error{
			Pos:     PosAt(src, inside+i),
			Message: "/* inside the header opens a second comment, since ClickHouse nests them",
			Hint:    "write it without the slash and the star side by side",
		}
	}
	yaml, yamlLine = frontMatter(src, inside, end)
	body, bodyLine = fileBody(src, end+len("*/"))
	return yaml, yamlLine, body, bodyLine, nil
}

// HeaderKind gives the word that stands alone behind the opening /* of the
// header, such as audience, and its place; it is empty where there is none.
func HeaderKind(src string) (kind string, at Pos) {
	start, found := headerStart(src)
	if !found {
		return "", Pos{}
	}
	inside := start + len("/*")
	first, _, _ := strings.Cut(src[inside:], "\n")
	first, _, _ = strings.Cut(first, "*/")
	word := strings.TrimSpace(first)
	if !kindLine.MatchString(word) {
		return "", Pos{}
	}
	return word, PosAt(src, inside+strings.Index(first, word))
}

var kindLine = regexp.MustCompile(`^[A-Za-z_]+$`)

// headerStart finds the block comment that precedes everything but blanks and
// line comments.
func headerStart(src string) (offset int, found bool) {
	l := lexer{src: src}
	for l.pos < len(src) {
		if strings.HasPrefix(src[l.pos:], "/*") {
			return l.pos, true
		}
		if kind, _ := l.scan(); kind != Space && kind != Comment {
			return 0, false
		}
	}
	return 0, false
}

func frontMatter(src string, inside, end int) (yaml string, line int) {
	text := src[inside:end]
	first, rest, more := strings.Cut(text, "\n")
	line = PosAt(src, inside).Line
	if word := strings.TrimSpace(first); word != "" && !kindLine.MatchString(word) {
		return strings.TrimLeft(text, " \t\r"), line
	}
	if !more {
		return "", line
	}
	return rest, line + 1
}

// fileBody drops what is left of the header's last line when that is blank,
// and else puts blanks in the header's place, so that columns stay true.
func fileBody(src string, from int) (body string, line int) {
	at := PosAt(src, from)
	first, rest, more := strings.Cut(src[from:], "\n")
	if strings.TrimSpace(first) == "" {
		if !more {
			return "", at.Line
		}
		return rest, at.Line + 1
	}
	return strings.Repeat(" ", at.Column-1) + src[from:], at.Line
}

// cronFields are the five places of a cron line: the range that says "every
// step" without a star, and the unit of the friendlier form where one exists.
var cronFields = []struct{ all, unit string }{{"0-59", "m"}, {"0-23", "h"}, {"1-31", ""}, {"1-12", ""}, {"0-6", ""}}

var (
	cronBefore = regexp.MustCompile(`(?:^|[\s:"'\[{,])((?:[\d*,/\-A-Za-z]+[ \t]+){0,4})\*$`)
	cronStep   = regexp.MustCompile(`^\d+`)
	cronAfter  = regexp.MustCompile(`^\d+(?:[ \t]+[\d*,/\-A-Za-z?#]+)*[ \t"']*`)
)

// cronTrap recognises a header that ended at the */ of a cron step: a star and
// a number glued to it, among the fields of a cron line.
func cronTrap(src string, inside, end int) *Error {
	step := cronStep.FindString(src[end+len("*/"):])
	if step == "" {
		return nil
	}
	lineStart := strings.LastIndexByte(src[:end], '\n') + 1
	before := cronBefore.FindStringSubmatch(src[max(lineStart, inside) : end+1])
	if before == nil {
		return nil
	}
	behind := strings.Fields(cronAfter.FindString(src[end+len("*/"):]))
	if strings.TrimSpace(src[max(lineStart, inside):end]) == "" && len(behind) < len(cronFields) {
		return nil // a header that just ends here, and a body that begins with a number
	}
	ahead := strings.Fields(before[1])
	fields := ahead[max(0, len(ahead)-4):]
	for len(fields) > 0 && !strings.ContainsAny(fields[0], "0123456789*") {
		fields = fields[1:]
	}
	field := cronFields[min(len(fields), len(cronFields)-1)]
	way := fmt.Sprintf("write %s/%s", field.all, step)
	if field.unit != "" && onlyStars(behind) && onlyZeros(fields) {
		way = fmt.Sprintf("write every %s%s, or %s/%s", step, field.unit, field.all, step)
	}
	return &Error{
		Pos:     PosAt(src, end),
		Message: fmt.Sprintf("the cron step */%s ends the header here, because */ closes the comment", step),
		Hint:    way,
	}
}

func onlyStars(fields []string) bool {
	for _, f := range fields[min(1, len(fields)):] {
		if strings.Trim(f, `*"'`) != "" {
			return false
		}
	}
	return true
}

func onlyZeros(fields []string) bool {
	for _, f := range fields {
		if f != "0" {
			return false
		}
	}
	return true
}
