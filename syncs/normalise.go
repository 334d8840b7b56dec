package syncs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// rule is how one vendor writes one identifier before it is hashed. The rules
// of two vendors differ, so a hash made for one is none for the other.
type rule struct {
	// text is the SQL of the normalised text of t, a trimmed text in lower case;
	// '' where the vendor's rule refuses it.
	text func(t string) string
	// keepsCase: t is trimmed only.
	keepsCase bool
	// takesHashes: 64 hexadecimal digits are a hash already and pass as they are.
	takesHashes bool
}

// rules by the names that connectors use in Identifier.Normaliser. Meta's are
// those of ServerSideUtils in its business SDK 24.0.1, Google's those of
// UserDataFormatter in its data manager library; normalise_test.go runs both
// vendors' own answers through them.
var rules = map[string]rule{
	"meta.email":         {text: metaEmail, takesHashes: true},
	"meta.phone":         {text: metaPhone, takesHashes: true},
	"meta.first_name":    {text: asItIs, takesHashes: true},
	"meta.last_name":     {text: asItIs, takesHashes: true},
	"meta.first_initial": {text: func(t string) string { return "substringUTF8(" + t + ", 1, 1)" }, takesHashes: true},
	"meta.city":          {text: lettersOnly, takesHashes: true},
	"meta.state":         {text: lettersOnly, takesHashes: true},
	"meta.zip":           {text: metaZip, takesHashes: true},
	"meta.country":       {text: matching("^[a-z]{2}$"), takesHashes: true},
	"meta.gender":        {text: metaGender, takesHashes: true},
	"meta.birth_day":     {text: twoDigits("^(0?[1-9]|[12][0-9]|3[01])$"), takesHashes: true},
	"meta.birth_month":   {text: twoDigits("^(0?[1-9]|1[0-2])$"), takesHashes: true},
	"meta.birth_year":    {text: matching("^[0-9]{4}$"), takesHashes: true},
	"google.email":       {text: googleEmail},
	"google.phone":       {text: googlePhone},
	"google.first_name":  {text: googleFirstName},
	"google.last_name":   {text: googleLastName},
	"google.region":      {text: func(t string) string { return "upper(" + matching("^[a-z]{2}$")(t) + ")" }},
	"google.postal_code": {text: asItIs, keepsCase: true},
}

// Normalisers are the names that a connector's identifiers may use, sorted.
func Normalisers() []string { return slices.Sorted(maps.Keys(rules)) }

// identifierSQL writes an identifier as it is sent: text as it is where no
// normaliser is named, else normalised and in the identifier's form. It is ”
// where the rule refuses the text, never the hash of an empty one.
func identifierSQL(i connectors.Identifier, text string) (string, error) {
	if i.Normaliser == "" {
		return text, nil
	}
	r, ok := rules[i.Normaliser]
	if !ok {
		return "", fmt.Errorf("the connector names a normaliser %q that doesn't exist", i.Normaliser)
	}
	var formed func(n string) string
	switch i.Form {
	case connectors.SHA256Hex:
		formed = func(n string) string { return "lower(hex(SHA256(" + n + ")))" }
	case connectors.SHA256Base64:
		formed = func(n string) string { return "base64Encode(SHA256(" + n + "))" }
	case connectors.MD5:
		formed = func(n string) string { return "lower(hex(MD5(" + n + ")))" }
	default:
		formed = func(n string) string { return n }
	}
	trimmed := "replaceRegexpAll(" + text + `, '^[\\s\\p{Z}\\x{FEFF}]+|[\\s\\p{Z}\\x{FEFF}]+$', '')`
	if !r.keepsCase {
		trimmed = "lowerUTF8(" + trimmed + ")"
	}
	out := let("tr_n", r.text("tr_t"), "if(tr_n = '', '', "+formed("tr_n")+")")
	if r.takesHashes && i.Form == connectors.SHA256Hex {
		out = "if(match(tr_t, '^[0-9a-f]{64}$'), tr_t, " + out + ")"
	}
	return let("tr_t", trimmed, out), nil
}

// let binds a name to a value, so that long expressions aren't repeated.
func let(name, value, in string) string {
	return "arrayMap(" + name + " -> " + in + ", [" + value + "])[1]"
}

func asItIs(t string) string { return t }

// matching takes a text only if it matches.
func matching(re string) func(string) string {
	return func(t string) string { return "if(match(" + t + ", " + quote(re) + "), " + t + ", '')" }
}

func twoDigits(re string) func(string) string {
	return func(t string) string {
		return "if(match(" + t + ", " + quote(re) + "), leftPad(" + t + ", 2, '0'), '')"
	}
}

// metaEmail keeps dots and tags; letters beyond ASCII are refused.
func metaEmail(t string) string {
	const atom, label = "[a-z0-9_!#$%&'*+/=?^`{|}~-]+", "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
	return matching("^" + atom + `(\.` + atom + ")*@(" + label + `\.)+` + label + "$")(t)
}

// metaPhone keeps digits. Up to two zeros in front of what looks like a number
// with its country code go; no country is added.
func metaPhone(t string) string {
	const short = "replaceRegexpOne(tr_d, '^0{1,2}', '')"
	national := "if(match(" + short + ", '^(1[0-9]{10}|[2-9][0-9]{6,})$'), " + short + ", tr_d)"
	return let("tr_d", "replaceRegexpAll("+t+", '[^0-9]', '')", let("tr_p", national, "if(length(tr_p) BETWEEN 7 AND 15, tr_p, '')"))
}

func lettersOnly(t string) string { return "replaceRegexpAll(" + t + `, '[0-9\\s().-]', '')` }

// metaZip keeps what is before a hyphen.
func metaZip(t string) string {
	return let("tr_z", "splitByChar('-', replaceRegexpAll("+t+`, '\\s', ''))[1]`, "if(lengthUTF8(tr_z) < 2, '', tr_z)")
}

func metaGender(t string) string {
	return let("tr_g", "replaceRegexpAll("+t+", '[^a-z]', '')", "multiIf(tr_g IN ('f', 'female'), 'f', tr_g IN ('m', 'male'), 'm', '')")
}

// googleEmail drops dots and tags of addresses at Gmail, and keeps the domain.
func googleEmail(t string) string {
	local := "splitByChar('@', " + t + ")[1]"
	domain := "splitByChar('@', " + t + ")[2]"
	user := "if(" + domain + " IN ('gmail.com', 'googlemail.com'), replaceAll(splitByChar('+', " + local + ")[1], '.', ''), " + local + ")"
	return "if(match(" + t + `, '^[^@\\s]+@[^@\\s]+$'), ` + let("tr_u", user, "if(tr_u = '', '', concat(tr_u, '@', "+domain+"))") + ", '')"
}

// googlePhone puts a plus before the digits; no country is guessed.
func googlePhone(t string) string {
	return let("tr_d", "replaceRegexpAll("+t+", '[^0-9]', '')", "if(tr_d = '', '', concat('+', tr_d))")
}

func googleFirstName(t string) string {
	return "trimBoth(replaceRegexpOne(" + t + `, '^(mr|mrs|ms|dr)\\.(\\s|$)', ''))`
}

var googleSuffixes = strings.Join([]string{`jr\\.?`, `sr\\.?`, "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa", "dc", "dds", "vm", "jd", "md", "phd"}, "|")

func googleLastName(t string) string {
	return "replaceRegexpOne(" + t + `, '((,\\s*|\\s+)(` + googleSuffixes + `)\\s?)+$', '')`
}
