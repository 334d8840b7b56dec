package meta_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// api is one endpoint of Meta's SDK code generator.
type api struct {
	Name     string `json:"name"`
	Method   string `json:"method"`
	Endpoint string `json:"endpoint"`
	Params   []struct {
		Name     string `json:"name"`
		Required bool   `json:"required"`
		Type     string `json:"type"`
	} `json:"params"`
}

type codegenFile struct {
	Version        string
	CustomAudience struct {
		APIs   []api `json:"apis"`
		Fields []struct{ Name string }
	}
	AdAccount []api `json:"AdAccount.customaudiences"`
}

func readCodegen() (*codegenFile, error) {
	dir := os.Getenv("TAILRACE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "specs", "meta", "custom-audience-v25.0.codegen.json"))
	if err != nil {
		return nil, err
	}
	var f codegenFile
	return &f, json.Unmarshal(raw, &f)
}

var node = regexp.MustCompile(`^(?:/prefix)?/(v[0-9.]+)/([^/]+)(?:/([a-z_]+))?$`)

// codegen holds requests against the parameters' names and types; nil where the
// description isn't at hand.
func codegen(t *testing.T) func(r *http.Request, body []byte) error {
	t.Helper()
	f, err := readCodegen()
	if os.IsNotExist(err) {
		t.Log("Meta's description is not beside the repository: requests are not compared with it; set TAILRACE_SHARED")
		return nil
	}
	require.NoError(t, err)
	return f.check
}

func (f *codegenFile) check(r *http.Request, body []byte) error {
	m := node.FindStringSubmatch(r.URL.Path)
	if m == nil || m[1] != f.Version {
		return fmt.Errorf("not a node of %s", f.Version)
	}
	apis := f.CustomAudience.APIs
	if strings.HasPrefix(m[2], "act_") {
		apis = f.AdAccount
	}
	for _, a := range apis {
		if a.Method != r.Method || a.Endpoint != m[3] || (m[3] == "" && !strings.HasPrefix(a.Name, "#")) {
			continue
		}
		given := map[string]any{}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &given); err != nil {
				return err
			}
		}
		for name, values := range r.URL.Query() {
			if name == "fields" { // of every node: what to answer
				if err := f.fields(values[0]); err != nil {
					return err
				}
				continue
			}
			given[name] = values[0]
		}
		return a.takes(given)
	}
	return fmt.Errorf("no such endpoint")
}

func (f *codegenFile) fields(list string) error {
	for _, name := range strings.Split(list, ",") {
		known := false
		for _, field := range f.CustomAudience.Fields {
			known = known || field.Name == name
		}
		if !known {
			return fmt.Errorf("an audience has no field %q", name)
		}
	}
	return nil
}

func (a api) takes(given map[string]any) error {
	for _, p := range a.Params {
		v, ok := given[p.Name]
		if !ok {
			if p.Required {
				return fmt.Errorf("%s is required", p.Name)
			}
			continue
		}
		delete(given, p.Name)
		fits := true
		switch p.Type {
		case "Object", "map":
			_, fits = v.(map[string]any)
		case "unsigned int", "int":
			_, err := strconv.ParseUint(fmt.Sprint(v), 10, 64)
			fits = err == nil
		case "bool":
			_, fits = v.(bool)
		case "string":
			_, fits = v.(string)
		}
		if !fits {
			return fmt.Errorf("%s isn't of type %s", p.Name, p.Type)
		}
	}
	for name := range given {
		return fmt.Errorf("%s %s has no parameter %q", a.Method, a.Endpoint, name)
	}
	return nil
}

func TestTheCheckAgainstTheDescriptionFails(t *testing.T) {
	t.Parallel()
	f, err := readCodegen()
	if os.IsNotExist(err) {
		t.Skip("Meta's description is not beside the repository; set TAILRACE_SHARED")
	}
	require.NoError(t, err)
	for _, c := range []struct{ method, path, body, want string }{
		{http.MethodPost, "/v25.0/1/users", `{"payload":{},"session":{}}`, ""},
		{http.MethodPost, "/v25.0/1/users", `{"payload":"x"}`, "isn't of type Object"},
		{http.MethodPost, "/v25.0/1/users", `{"payloads":{}}`, "no parameter"},
		{http.MethodPatch, "/v25.0/1/users", `{}`, "no such endpoint"},
		{http.MethodPost, "/v25.0/1/usersreplace", `{"payload":{}}`, "session is required"},
		{http.MethodGet, "/v25.0/1?fields=size", "", `no field "size"`},
		{http.MethodGet, "/v25.0/1/sessions?session_id=x", "", "isn't of type unsigned int"},
		{http.MethodPost, "/v25.0/act_9/customaudiences", `{"name":"A","subtype":"CUSTOM","customer_file_source":"USER_PROVIDED_ONLY"}`, ""},
		{http.MethodPost, "/v24.0/1/users", `{}`, "not a node of v25.0"},
	} {
		r, err := http.NewRequest(c.method, "https://graph.facebook.com"+c.path, nil)
		require.NoError(t, err)
		err = f.check(r, []byte(c.body))
		if c.want == "" {
			require.NoError(t, err, c.path)
		} else {
			require.ErrorContains(t, err, c.want, c.path)
		}
	}
}
