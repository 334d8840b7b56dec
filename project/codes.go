package project

// Code names a kind of mistake. Each has a bad file in testdata that shows it,
// and a row in the documentation.
type Code string

// The codes, in alphabetic order of their text.
const (
	CodeAppend         Code = "append"
	CodeBadName        Code = "bad-name"
	CodeBatch          Code = "batch-too-large"
	CodeBecause        Code = "because-not-boolean"
	CodeColumnName     Code = "column-name"
	CodeConnector      Code = "unknown-connector"
	CodeConsent        Code = "consent-without-profile"
	CodeCycle          Code = "cycle"
	CodeEncoding       Code = "encoding"
	CodeEventSchema    Code = "event-schema"
	CodeExclude        Code = "exclude"
	CodeExperiment     Code = "experiment"
	CodeExternal       Code = "external"
	CodeUnnoticed      Code = "external-unnoticed"
	CodeField          Code = "field"
	CodeFieldUnknown   Code = "unknown-field"
	CodeFileTooLarge   Code = "file-too-large"
	CodeGuard          Code = "guard"
	CodeHeader         Code = "header"
	CodeHeaderKey      Code = "header-key"
	CodeHeaderKind     Code = "header-kind"
	CodeHeaderMissing  Code = "header-missing"
	CodeIdentifier     Code = "unknown-identifier"
	CodeIncremental    Code = "incremental"
	CodeMatch          Code = "match"
	CodeMissingKey     Code = "missing-key"
	CodeMode           Code = "mode-not-possible"
	CodeNameTaken      Code = "name-taken"
	CodeNoProject      Code = "no-project"
	CodeObject         Code = "unknown-object"
	CodeOnExit         Code = "on-exit"
	CodePriority       Code = "priority"
	CodeReadsExternal  Code = "database-not-listed"
	CodeReference      Code = "reference"
	CodeRename         Code = "rename"
	CodeSchedule       Code = "schedule"
	CodeSecretLiteral  Code = "secret-literal"
	CodeSQL            Code = "sql"
	CodeSuffix         Code = "suffix"
	CodeSyncSource     Code = "sync-source"
	CodeTest           Code = "test"
	CodeTraitType      Code = "trait-type"
	CodeUnitTest       Code = "unit-test"
	CodeUnknownColumn  Code = "unknown-column"
	CodeUnknownKey     Code = "unknown-key"
	CodeUnknownName    Code = "unknown-name"
	CodeUnknownTable   Code = "unknown-table"
	CodeUnreadableFile Code = "unreadable-file"
	CodeUnsetVariable  Code = "unset-variable"
	CodeValue          Code = "value"
	CodeWriteKeyTaken  Code = "write-key-taken"
	CodeYAMLFeature    Code = "yaml-feature"
	CodeYAMLSyntax     Code = "yaml-syntax"
)

var codeSummaries = map[Code]string{
	CodeAppend:         "Events are named or mapped where none are appended, or not as events can be",
	CodeBadName:        "A file's name can't be the name of what it defines",
	CodeBatch:          "A batch is larger than the connector can send",
	CodeBecause:        "A column under because is not boolean",
	CodeColumnName:     "A mapping names something that can't be a column",
	CodeConnector:      "No connector has this name",
	CodeConsent:        "Consent or a profile's column is asked for where rows aren't profiles",
	CodeCycle:          "Files read each other in a circle",
	CodeEncoding:       "A file is not UTF-8",
	CodeEventSchema:    "A tracking plan's schema is no JSON Schema",
	CodeExclude:        "A sync excludes an audience that it can't exclude",
	CodeExperiment:     "An experiment can't hold out its share",
	CodeExternal:       "A table or database of others can't be read in this way",
	CodeUnnoticed:      "Nothing says when a table of another database changes",
	CodeField:          "A mapped field is neither a column nor a constant, or is both",
	CodeFieldUnknown:   "The destination's object has no such field",
	CodeFileTooLarge:   "A file is too large for a project file",
	CodeGuard:          "A guard can't be met",
	CodeHeader:         "A SQL file's header is not closed, or is cut in two",
	CodeHeaderKey:      "A key of a header means nothing for this kind of file",
	CodeHeaderKind:     "A header names another kind than the folder",
	CodeHeaderMissing:  "A SQL file has no header, or one that doesn't say what the file is",
	CodeIdentifier:     "The destination's object has no such identifier",
	CodeIncremental:    "A file can't be computed incrementally",
	CodeMatch:          "A sync matches by nothing, or where nothing is matched",
	CodeMissingKey:     "A key that is needed is missing",
	CodeMode:           "The destination's object can't do what the mode needs",
	CodeNameTaken:      "Two definitions have one name",
	CodeNoProject:      "The folder holds no project",
	CodeObject:         "The connector has no such object",
	CodeOnExit:         "What leaving means is missing, or means nothing in this mode",
	CodePriority:       "A group of audiences doesn't say which one wins",
	CodeReadsExternal:  "SQL reads a database that warehouse.read doesn't list",
	CodeReference:      "A reference is neither ${env:…} nor ${file:…}",
	CodeRename:         "A former name is still in use, or is used twice",
	CodeSchedule:       "A schedule can't be read, or follows something unknown",
	CodeSecretLiteral:  "A secret is written into a file",
	CodeSQL:            "SQL is not one SELECT that answers the same whenever it is asked",
	CodeSuffix:         "A file has a suffix that isn't read",
	CodeSyncSource:     "A sync sends nothing, or more than one thing",
	CodeTest:           "A test names no check, or several",
	CodeTraitType:      "A trait's value has another type than its header says",
	CodeUnitTest:       "A unit test doesn't fit the file that it tests",
	CodeUnknownColumn:  "A column doesn't exist",
	CodeUnknownKey:     "A key is unknown",
	CodeUnknownName:    "Nothing has this name",
	CodeUnknownTable:   "SQL reads a table that doesn't exist",
	CodeUnreadableFile: "A file can't be read",
	CodeUnsetVariable:  "An environment variable is not set",
	CodeValue:          "A value has the wrong type or isn't one of those allowed",
	CodeWriteKeyTaken:  "Two sources have one write key",
	CodeYAMLFeature:    "A file uses a part of YAML that isn't read",
	CodeYAMLSyntax:     "A file is no YAML",
}

// Summary says in general what the mistake is.
func (c Code) Summary() string { return codeSummaries[c] }

// Codes returns every code with its summary, for the documentation.
func Codes() map[Code]string { return codeSummaries }
