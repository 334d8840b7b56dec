package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
)

// DestinationView is where rows are sent.
type DestinationView struct {
	FileView
	Purpose    []string `json:"purpose,omitempty" doc:"For which data is sent there; people must have consented to all of them"`
	Standin    bool     `json:"standin" doc:"Nothing leaves this machine: a stand-in plays the vendor"`
	Identities []string `json:"identities" doc:"The accounts, objects and targets that ledgers hang on"`
	Syncs      []string `json:"syncs"`
}

// DestinationTest is what one harmless call to a destination found.
type DestinationTest struct {
	Tested  bool         `json:"tested" doc:"False where the connector knows no harmless call: nothing was sent"`
	Account *AccountView `json:"account,omitempty" doc:"Whose account it is"`
}

// AccountView is an account at a destination.
type AccountView struct {
	Fingerprint string   `json:"fingerprint"`
	Name        string   `json:"name,omitempty"`
	Missing     []string `json:"missing_rights,omitempty" doc:"Rights that the credential lacks"`
	Standin     bool     `json:"standin"`
}

func (s *Server) registerDestinations() {
	register(s, endpoint{id: "list-destinations", method: http.MethodGet, path: "/api/v1/destinations", summary: "List destinations", tag: "destinations", role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[page[DestinationView]], error) {
			p := s.opts.Project()
			known, err := s.opts.Syncs.Definitions(ctx)
			if err != nil {
				return nil, err
			}
			out := []DestinationView{}
			for _, d := range p.Destinations {
				out = append(out, viewDestination(p, d, known))
			}
			return pageOf(s, out, ""), nil
		})
	register(s, endpoint{id: "get-destination", method: http.MethodGet, path: "/api/v1/destinations/{name}", summary: "One destination", tag: "destinations", role: Viewer},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[DestinationView], error) {
			d, err := s.destination(in.Name)
			if err != nil {
				return nil, err
			}
			known, err := s.opts.Syncs.Definitions(ctx)
			if err != nil {
				return nil, err
			}
			return &body[DestinationView]{viewDestination(s.opts.Project(), d, known)}, nil
		})
	register(s, endpoint{id: "test-destination", method: http.MethodPost, path: "/api/v1/destinations/{name}/test", summary: "Make one harmless call to a destination", tag: "destinations", role: Operator},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[DestinationTest], error) {
			if _, err := s.destination(in.Name); err != nil {
				return nil, err
			}
			if err := s.audit(ctx, "test_destination", in.Name, ""); err != nil {
				return nil, err
			}
			found, err := s.opts.Test(ctx, in.Name)
			switch {
			case errors.Is(err, connectors.ErrUnsupported):
				return &body[DestinationTest]{DestinationTest{}}, nil
			case err != nil:
				return nil, destinationProblem(in.Name, err)
			}
			out := DestinationTest{Tested: true}
			if a, ok := found.(connectors.Account); ok {
				out.Account = &AccountView{Fingerprint: a.Fingerprint, Name: a.Name, Missing: a.Missing, Standin: a.Standin}
			}
			return &body[DestinationTest]{out}, nil
		})
}

// destinationProblem says what kept a destination from answering as it should: 502, since this server is well.
func destinationProblem(name string, err error) error {
	if p := known(err); p != nil && p.Status != http.StatusServiceUnavailable {
		return p
	}
	p := problem(Unavailable, "Check base_url and credentials in destinations/"+name+".yml, and outbound.allow of tailrace.yml if its address is a private one.", "%s", err)
	p.Status, p.Title = http.StatusBadGateway, http.StatusText(http.StatusBadGateway)
	return p
}

func (s *Server) destination(name string) (*project.Destination, error) {
	d := s.opts.Project().Destination(name)
	if d == nil {
		return nil, problem(NotFound, "GET /api/v1/destinations lists those that there are.", "there is no destination %s", name)
	}
	return d, nil
}

func viewDestination(p *project.Project, d *project.Destination, known []syncs.Definition) DestinationView {
	out := DestinationView{FileView: FileView{Name: d.Name, Path: d.Path, Description: d.Description, Owner: d.Owner, Connector: d.Connector},
		Purpose: d.Purpose, Identities: []string{}, Syncs: []string{}}
	out.Standin, _ = d.Settings["sandbox"].(bool)
	for _, f := range p.SyncsOf(d.Name) {
		out.Syncs = append(out.Syncs, f.Name)
	}
	for _, k := range known {
		if k.Destination == d.Name && slices.Contains(out.Syncs, k.Name) && !slices.Contains(out.Identities, k.Identity) {
			out.Identities = append(out.Identities, k.Identity)
		}
	}
	return out
}
