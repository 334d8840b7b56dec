package syncs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

// Leaving another tool: who is there already isn't sent again, whoever doesn't belong is removed, but only after somebody looked.
func TestAdoptMembersOfAList(t *testing.T) {
	b := setup(t, audienceList)
	b.people(many(0, 4)...)
	b.vendor.list = map[string]bool{"i0": true, "i1": true, "old": true}
	adopting := Adopting{Actor: "ada", Members: []AdoptedMember{{IDs: map[string]string{"id": "i0"}}, {IDs: map[string]string{"id": "i0"}}}, More: true}
	a, err := b.e.Adopt(b.ctx, "s", adopting)
	require.NoError(t, err)
	adopting = Adopting{Actor: "ada", Adoption: a.ID, Members: []AdoptedMember{{Key: "k00001"}, {IDs: map[string]string{"id": "old"}}, {IDs: map[string]string{"id": ""}}}}
	a, err = b.e.Adopt(b.ctx, "s", adopting)
	require.NoError(t, err)
	require.Equal(t, []uint64{5, 2, 1, 1, 1}, []uint64{a.Listed, a.Matched, a.Strangers, a.Duplicates, a.Invalid})
	r, err := b.e.Run(b.ctx, a.RunID)
	require.NoError(t, err)
	require.Equal(t, Succeeded, r.State, r.Error)
	require.NoError(t, r.Sums().Check())
	require.Empty(t, b.vendor.calls)
	require.Len(t, b.held(), 3)
	require.EqualValues(t, 3, b.count("SELECT count() FROM sync_state FINAL WHERE last_status = 'adopted'"))

	held := b.run(StartOptions{})
	require.Equal(t, Held, held.State)
	require.Contains(t, held.Reason, "adopted: ")
	require.EqualValues(t, 2, held.Sums().Add)
	require.EqualValues(t, 1, held.Sums().Remove)
	_, err = b.e.Approve(b.ctx, held.ID, held.PlanDigest, "ada")
	require.NoError(t, err)
	require.Equal(t, Succeeded, b.drive(held.ID).State)
	require.Equal(t, []string{"i0", "i1", "i2", "i3"}, b.vendor.members())
	require.Zero(t, b.run(StartOptions{}).Sums().Planned)

	_, err = b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", Members: []AdoptedMember{{Key: "k00001"}}})
	var refused *AdoptError
	require.ErrorAs(t, err, &refused)
	a, err = b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", Members: []AdoptedMember{{Key: "k00001"}}, Replace: true, DryRun: true})
	require.NoError(t, err)
	require.EqualValues(t, 3, a.Dropped)
	require.Len(t, b.held(), 4, "a dry run changes nothing")
	_, err = b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", Members: []AdoptedMember{{Key: "k00001"}}, Replace: true})
	require.NoError(t, err)
	require.Len(t, b.held(), 1)
	require.EqualValues(t, 3, b.run(StartOptions{}).Sums().Add)
	_, err = b.e.Adopt(b.ctx, "s", Adopting{Replace: true, Members: []AdoptedMember{{IDs: map[string]string{"phone": "1"}}}})
	require.ErrorAs(t, err, &refused)
	_, err = b.e.Adopt(b.ctx, "s", Adopting{Replace: true, List: true})
	require.ErrorAs(t, err, &refused)
	require.Zero(t, b.count("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'adopt_%'"))
}

// Of records, what the member says differs is changed, and what it doesn't say is taken as the selection has it.
func TestAdoptRecords(t *testing.T) {
	b := setup(t, strings.Replace(mirrorRecords, "on_exit: delete", "on_exit: nothing", 1))
	b.people(many(0, 4)...)
	a, err := b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", Members: []AdoptedMember{
		{IDs: map[string]string{"id": "i0"}},
		{IDs: map[string]string{"id": "i1"}, Fields: map[string]string{"name": "n1", "age": "1"}, Ref: "r1"},
		{IDs: map[string]string{"id": "i2"}, Fields: map[string]string{"name": "another"}},
		{IDs: map[string]string{"id": "elsewhere"}}}})
	require.NoError(t, err)
	require.EqualValues(t, 3, a.Matched)
	require.Len(t, b.held(), 3, "nobody is taken out by this sync, so a stranger is nobody's business")
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.EqualValues(t, 1, r.Sums().Add)
	require.EqualValues(t, 1, r.Sums().Change)
	require.EqualValues(t, 2, r.Sums().Unchanged)
	require.Equal(t, `"n2"`, b.vendor.records["i2"]["name"])
	require.EqualValues(t, 1, b.count("SELECT count() FROM sync_state FINAL WHERE ref = 'r1'"))
}

// lister is a vendor that tells who is on its list.
type lister struct{ *vendor }

func (l lister) List(_ context.Context, _, _ string, yield func(connectors.Member) error) error {
	for _, id := range l.members() {
		if err := yield(connectors.Member{Ref: "ref-" + id, IDs: map[string]string{"id": id}}); err != nil {
			return err
		}
	}
	return nil
}

// A restored ledger catches up with what the destination lists: who came and went since the backup is taken out.
func TestAdoptWhatIsListedAfterARestore(t *testing.T) {
	var b *bench
	b = setup(t, audienceList, func(o *Options) {
		o.Connect = func(d *project.Destination) (*connectors.Destination, error) {
			c := b.vendor.connector()
			c.Open = func(any, connectors.Env) (connectors.Writer, error) { return lister{b.vendor}, nil }
			transport, err := connectors.NewTransport(connectors.TransportOptions{})
			if err != nil {
				return nil, err
			}
			return connectors.Open(connectors.Options{Name: d.Name, Connector: c, Config: &connectors.Endpoint{}, HTTP: transport,
				Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now})
		}
	})
	b.people(many(0, 3)...)
	b.run(StartOptions{})
	b.vendor.list = map[string]bool{"i1": true, "i2": true, "came and went": true} // what the lost ledger did
	require.NoError(t, b.e.DeclareRestore(b.ctx, "ada", ""))
	a, err := b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", List: true, Replace: true})
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 2, 1, 1}, []uint64{a.Listed, a.Matched, a.Strangers, a.Dropped})
	_, err = b.e.Start(b.ctx, "s", StartOptions{})
	require.ErrorContains(t, err, "restored", "adopting releases nothing")
	_, err = b.e.Release(b.ctx, "s", "ada", "")
	require.NoError(t, err)
	held := b.run(StartOptions{})
	require.Equal(t, Held, held.State)
	_, err = b.e.Approve(b.ctx, held.ID, held.PlanDigest, "ada")
	require.NoError(t, err)
	require.Equal(t, Succeeded, b.drive(held.ID).State)
	require.Equal(t, []string{"i0", "i1", "i2"}, b.vendor.members())
}
