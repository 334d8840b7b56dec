package project

import (
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"
)

// schemas are the kinds of files that [Schema] describes.
var schemas = map[string]any{
	"tailrace": Config{}, "source": Source{}, "tracking_plan": TrackingPlan{}, "destination": Destination{}, "sync": Sync{},
	"test":  UnitTests{},
	"model": Header{}, "trait": Header{}, "audience": Header{},
}

// SchemaKinds returns the kinds that [Schema] knows, sorted.
func SchemaKinds() []string { return sortedKeys(schemas) }

// Schema returns the JSON Schema of a kind of file (tailrace, source,
// tracking_plan, destination, sync) or of a header (model, trait, audience), for
// editors. It is made from the types that read the files.
func Schema(kind string) ([]byte, error) {
	v, ok := schemas[kind]
	if !ok {
		return nil, fmt.Errorf("no kind of file is called %s%s", kind, orList(kind, SchemaKinds()))
	}
	s := reflectSchema(v)
	s.Version = jsonschema.Version
	s.Title = "Tailrace " + strings.ReplaceAll(kind, "_", " ")
	if kind == "destination" {
		s.AdditionalProperties = nil // the connector's own keys
	}
	return json.MarshalIndent(s, "", "  ")
}

func reflectSchema(v any) *jsonschema.Schema {
	r := jsonschema.Reflector{FieldNameTag: "yaml", DoNotReference: true, Anonymous: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(v)
	s.Version = ""
	annotate(s, reflect.TypeOf(v))
	return s
}

// annotate adds what the tags and comments of a struct say: descriptions,
// defaults, allowed words, keys that must be there.
func annotate(s *jsonschema.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
		if s.Items != nil {
			s = s.Items
		}
	}
	if t.Kind() == reflect.Map && s.AdditionalProperties != nil {
		annotate(s.AdditionalProperties, t.Elem())
		return
	}
	if t.Kind() != reflect.Struct || s.Properties == nil {
		return
	}
	s.Description = comments()[t.Name()]
	for _, f := range reflect.VisibleFields(t) {
		prop, ok := s.Properties.Get(fieldName(f))
		if !ok {
			continue
		}
		annotate(prop, f.Type)
		if text := comments()[t.Name()+"."+f.Name]; text != "" {
			prop.Description = text
		}
		for _, word := range rule(f, "oneof") {
			prop.Enum = append(prop.Enum, word)
		}
		if text, ok := f.Tag.Lookup("default"); ok {
			prop.Default = text
		}
		if scalar := prop.Type; scalar == "boolean" || scalar == "integer" || scalar == "number" {
			prop.Type = ""
			prop.AnyOf = []*jsonschema.Schema{{Type: scalar}, Secret{}.JSONSchema()} // a reference does as well
		}
		if rule(f, "required") != nil {
			s.Required = append(s.Required, fieldName(f))
		}
	}
}

//go:embed config.go source.go tracking_plan.go destination.go sync.go sync_events.go sync_exit.go header.go unittest.go
var typeSources embed.FS

// comments are the doc comments of types and fields, by Type and Type.Field: the
// one place where a key is described.
var comments = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	files, err := typeSources.ReadDir(".")
	if err != nil {
		return out
	}
	for _, file := range files {
		raw, err := typeSources.ReadFile(file.Name())
		if err != nil {
			continue
		}
		// Sources that were compiled can be parsed.
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), raw, parser.ParseComments)
		if err != nil {
			continue
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range decl.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					out[t.Name.Name] = oneLine(decl.Doc.Text())
					fieldComments(out, t)
				}
			}
			return false
		})
	}
	return out
})

func fieldComments(out map[string]string, t *ast.TypeSpec) {
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			out[t.Name.Name+"."+name.Name] = oneLine(f.Doc.Text())
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
