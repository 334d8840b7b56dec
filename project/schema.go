package project

import (
	"encoding/json"

	"github.com/invopop/jsonschema"
)

func reflectSchema(v any) *jsonschema.Schema {
	r := jsonschema.Reflector{FieldNameTag: "yaml", DoNotReference: true, Anonymous: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(v)
	s.Version = ""
	return s
}

var _ = json.Marshal
