package sql

import (
	"fmt"
	"io/fs"
	"strings"
)

// Example is a project that `tailrace init` writes.
type Example struct {
	Name   string
	Title  string // one line for people
	folder string
}

// Examples are all of them, the default first.
var Examples = []Example{
	{"shop", "lifecycle messages of an online shop, with stock: carts, win-back, ads without customers", "demo"},
	{"saas", "product-led growth: accounts, usage, qualified accounts and churn for CRM and email", "examples/saas"},
	{"brands", "several brands: consent per brand, ads that leave out the other brands' customers", "examples/brands"},
	{"empty", "one source and pointers to the next file", "examples/empty"},
}

// ExampleNamed finds an example; the error lists what there is.
func ExampleNamed(name string) (Example, error) {
	var names []string
	for _, e := range Examples {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Example{}, fmt.Errorf("no example is called %q: choose one of %s", name, strings.Join(names, ", "))
}

// Files are the example's, from its own root.
func (e Example) Files() (fs.FS, error) {
	files, err := fs.Sub(Demo, e.folder)
	if err != nil {
		return nil, fmt.Errorf("opening the example %s: %w", e.Name, err)
	}
	return files, nil
}
