package project

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// rules reads validate tags; it is dear to make and safe to share.
var rules = sync.OnceValue(func() *validator.Validate {
	v := validator.New()
	v.RegisterTagNameFunc(fieldName)
	return v
})

// validate runs the rules of a struct's validate tags, except required, which
// decoding has already looked at.
func (d *decoder) validate(into any) {
	err := rules().Struct(into)
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return
	}
	for _, f := range failed {
		if f.Tag() == "required" || f.Tag() == "oneof" {
			continue
		}
		_, path, _ := strings.Cut(f.Namespace(), ".")
		keys := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
		at := d.pos.At(keys...)
		if slices.ContainsFunc(*d.out, func(x Diagnostic) bool { return x.Path == d.path && x.position() == at }) {
			continue // what it is was already said
		}
		want := f.Tag()
		if f.Param() != "" {
			want += " " + f.Param()
		}
		d.out.add(SeverityError, CodeValue, d.path, at, "", "%s breaks its rule: %s", f.Field(), want)
	}
}
