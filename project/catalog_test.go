package project

// testCatalog knows one connector that can do a few things.
type testCatalog struct{}

func (testCatalog) Connectors() []string { return []string{"hubspot", "webhook"} }
func (testCatalog) Objects(c string) []string {
	if c == "webhook" {
		return []string{"rows"}
	}
	return []string{"contacts", "list"}
}
func (testCatalog) Identifiers(c, _ string) []string {
	if c == "webhook" {
		return nil
	}
	return []string{"email"}
}
func (testCatalog) Fields(c, object string) []string {
	if object == "contacts" {
		return []string{"email", "firstname", "lastname", "segment"}
	}
	return nil
}
func (testCatalog) Actions(c, object string) []string {
	switch object {
	case "list":
		return []string{"add_to_list", "remove_from_list"}
	case "contacts":
		return []string{"create", "update", "upsert", "delete"}
	}
	return []string{"upsert", "delete", "append"}
}
func (testCatalog) MaxRows(c, _, _ string) int {
	if c == "webhook" {
		return 0
	}
	return 100
}

// testColumns is what a warehouse would say of the files that bad files use.
var testColumns = map[string][]ResultColumn{
	"lapsed":   {{"profile_id", "UUID"}, {"last_order_at", "DateTime64(3, 'UTC')"}, {"big", "UInt8"}, {"total", "Nullable(Float64)"}},
	"value":    {{"profile_id", "UUID"}, {"total", "Nullable(Float64)"}},
	"wide":     {{"profile_id", "UUID"}, {"a", "String"}, {"b", "String"}},
	"profiles": {{"profile_id", "UUID"}, {"email", "String"}, {"first_name", "String"}},
}
