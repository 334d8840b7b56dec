package project

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest ends a message about an unknown word: `, did you mean x?` if one of
// the known words is near, else "".
func Suggest(word string, known []string) string { return suggest(word, known) }

// suggest ends a message about an unknown word: `, did you mean x?` if one of
// the known words is near, else "".
func suggest(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}

// nearest returns the known word that is the fewest edits away from word, if
// that is within a quarter of its length; else the first one that begins with
// it (last_order for last_order_at); else "". Ties go to the first in alphabet.
func nearest(word string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	best, bestCost := "", max(len(word)/4, 1)+1
	for _, k := range known {
		if k == "" || k == word {
			continue
		}
		if cost := editDistance(strings.ToLower(word), strings.ToLower(k)); cost < bestCost {
			best, bestCost = k, cost
		}
	}
	if best != "" || len(word) < 4 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, word) && k != word {
			return k
		}
	}
	return ""
}

// editDistance is the optimal string alignment distance: insert, delete,
// replace, or swap of neighbours.
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}

// list writes words for a sentence: `a, b or c`.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
