package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/tailrace/tailrace/project"
)

// ProjectView is the project in force: what there is, and what reads what.
type ProjectView struct {
	Hash         string         `json:"hash"`
	Name         string         `json:"name,omitempty"`
	Sources      []SourceView   `json:"sources"`
	Models       []FileView     `json:"models"`
	Traits       []FileView     `json:"traits"`
	Audiences    []FileView     `json:"audiences"`
	Destinations []FileView     `json:"destinations"`
	Syncs        []SyncFileView `json:"syncs"`
	Graph        GraphView      `json:"graph"`
	LastReload   *ReloadResult  `json:"last_reload,omitempty" doc:"What the last reload of the files found"`
}

// FileView is one file of the project.
type FileView struct {
	Name        string   `json:"name"`
	Path        string   `json:"path"`
	Description string   `json:"description,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Schedule    string   `json:"schedule,omitempty"`
	Connector   string   `json:"connector,omitempty" doc:"Of a destination"`
}

// SourceView is who may send events.
type SourceView struct {
	FileView
	Kind         string `json:"kind"`
	TrackingPlan string `json:"tracking_plan,omitempty"`
	Paused       bool   `json:"paused"`
}

// SyncFileView is a sync as its file has it.
type SyncFileView struct {
	FileView
	Reads       project.Node `json:"reads"`
	Destination string       `json:"destination"`
	Object      string       `json:"object"`
	Mode        string       `json:"mode"`
	Target      string       `json:"target,omitempty"`
	Match       []string     `json:"match,omitempty" doc:"Identifiers by which rows are known at the destination"`
	Paused      bool         `json:"paused"`
	Consent     []string     `json:"consent,omitempty" doc:"What a person must have consented to, from the sync and from all that it reads"`
}

// GraphView says what reads what; nodes are in an order in which what is read comes first.
type GraphView struct {
	Nodes []project.Node `json:"nodes"`
	Edges []EdgeView     `json:"edges"`
}

// EdgeView is one node that reads another.
type EdgeView struct {
	From project.Node `json:"from" doc:"What is read"`
	To   project.Node `json:"to" doc:"What reads it"`
}

func (s *Server) registerProject() {
	register(s, endpoint{id: "get-project", method: http.MethodGet, path: "/api/v1/project", summary: "The project in force and its graph", tag: "project", role: Viewer},
		func(context.Context, *struct{}) (*body[ProjectView], error) {
			out := viewProject(s.opts.Project())
			if s.opts.LastReload != nil {
				out.LastReload = s.opts.LastReload()
			}
			return &body[ProjectView]{out}, nil
		})
	register(s, endpoint{id: "reload-project", method: http.MethodPost, path: "/api/v1/project/reload", summary: "Read the project's files now; broken ones leave the last good project in force", tag: "project", role: Operator},
		func(ctx context.Context, _ *struct{}) (*body[ReloadResult], error) {
			if err := s.audit(ctx, "reload_project", s.opts.Project().Hash, ""); err != nil {
				return nil, err
			}
			out, err := s.opts.Reload(ctx)
			if err != nil {
				return nil, err
			}
			if out.Diagnostics == nil {
				out.Diagnostics = project.Diagnostics{}
			}
			return &body[ReloadResult]{out}, nil
		})
	register(s, endpoint{id: "validate-project", method: http.MethodPost, path: "/api/v1/project/validate", summary: "Check a bundle of project files against connectors and warehouse, without bringing it into force", tag: "project", role: Operator, maxBody: 16 << 20},
		func(ctx context.Context, in *struct {
			Body struct {
				Bundle json.RawMessage `json:"bundle" doc:"As the project package bundles files: references to secrets, never their values"`
			}
		}) (*body[Validation], error) {
			if s.opts.Validate == nil {
				return nil, problem(Unavailable, "Run tailrace validate where the files are.", "this server checks no bundles")
			}
			found, err := s.opts.Validate(ctx, in.Body.Bundle)
			if err != nil {
				return nil, problem(Invalid, "Send what project bundles look like: /api/v1/project/validate takes {\"bundle\": …}.", "%s", err)
			}
			if found == nil {
				found = project.Diagnostics{}
			}
			return &body[Validation]{Validation{Valid: !found.HasErrors(), Diagnostics: found}}, nil
		})
}

// Validation is what is wrong with a project.
type Validation struct {
	Valid       bool                `json:"valid" doc:"There is no error; there may be warnings"`
	Diagnostics project.Diagnostics `json:"diagnostics"`
}

func viewProject(p *project.Project) ProjectView {
	out := ProjectView{Hash: p.Hash, Name: p.Config.ProjectName, Sources: []SourceView{}, Models: fileViews(p.Models), Traits: fileViews(p.Traits),
		Audiences: fileViews(p.Audiences), Destinations: []FileView{}, Syncs: []SyncFileView{}, Graph: viewGraph(p)}
	for _, f := range p.Sources {
		out.Sources = append(out.Sources, SourceView{FileView: FileView{Name: f.Name, Path: f.Path, Description: f.Description, Owner: f.Owner},
			Kind: f.Kind, TrackingPlan: f.TrackingPlan, Paused: f.Paused})
	}
	for _, f := range p.Destinations {
		out.Destinations = append(out.Destinations, FileView{Name: f.Name, Path: f.Path, Description: f.Description, Owner: f.Owner, Connector: f.Connector})
	}
	for _, f := range p.Syncs {
		out.Syncs = append(out.Syncs, viewSyncFile(p, f))
	}
	return out
}

func viewSyncFile(p *project.Project, f *project.Sync) SyncFileView {
	kind, name := f.Reads()
	return SyncFileView{FileView: FileView{Name: f.Name, Path: f.Path, Description: f.Description, Owner: f.Owner, Schedule: f.Schedule.String()},
		Reads: project.Node{Kind: kind, Name: name}, Destination: f.Destination, Object: f.Object, Mode: string(f.Mode), Target: f.Target, Match: slices.Sorted(maps.Keys(f.Match)),
		Paused: f.Paused, Consent: p.Purposes(f)}
}

func fileViews(files []*project.SQLFile) []FileView {
	out := []FileView{}
	for _, f := range files {
		out = append(out, viewFile(f))
	}
	return out
}

func viewFile(f *project.SQLFile) FileView {
	return FileView{Name: f.Name, Path: f.Path, Description: f.Header.Description, Owner: f.Header.Owner, Tags: f.Header.Tags, Schedule: f.Header.Schedule.String()}
}

func viewGraph(p *project.Project) GraphView {
	out := GraphView{Nodes: []project.Node{}, Edges: []EdgeView{}}
	g := p.Graph()
	if g == nil { // a project of no files
		return out
	}
	out.Nodes = append(out.Nodes, g.Nodes()...)
	for _, to := range g.Nodes() {
		for _, from := range g.Reads(to) {
			out.Edges = append(out.Edges, EdgeView{From: from, To: to})
		}
	}
	return out
}
