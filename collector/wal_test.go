package collector

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func testWAL(t testing.TB, dir string, segmentSize, maxBytes int64) *wal {
	t.Helper()
	w, err := openWAL(dir, segmentSize, maxBytes, position{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.close()) })
	return w
}

type damage struct{ offset, bytes int64 }

// readAll returns every payload in the log, and the damage passed over.
func readAll(t testing.TB, w *wal) (payloads []string, damaged []damage) {
	t.Helper()
	r := w.reader(position{}, func(_ segment, offset, bytes int64) { damaged = append(damaged, damage{offset, bytes}) })
	for {
		payload, _, _, ok, err := r.next()
		require.NoError(t, err)
		if !ok {
			require.NoError(t, r.close())
			return payloads, damaged
		}
		payloads = append(payloads, string(payload))
	}
}

func TestWALKeepsWhatConcurrentWritersAppend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := testWAL(t, dir, 2000, 1<<20)
	var wg sync.WaitGroup
	var want []string
	for i := range 16 {
		for j := range 20 {
			want = append(want, fmt.Sprintf("record %d of %d", j, i))
		}
		wg.Go(func() {
			for j := range 20 {
				require.NoError(t, w.append(fmt.Appendf(nil, "record %d of %d", j, i)))
			}
		})
	}
	wg.Wait()
	got, damaged := readAll(t, w)
	require.ElementsMatch(t, want, got)
	require.Empty(t, damaged)
	require.Greater(t, len(w.segments), 2, "segments rotate")
	require.LessOrEqual(t, w.groups, int64(len(want)), "writers share groups")

	require.NoError(t, w.close())
	again := testWAL(t, dir, 2000, 1<<20)
	got, damaged = readAll(t, again)
	require.ElementsMatch(t, want, got)
	require.Empty(t, damaged)
	require.ErrorIs(t, w.append([]byte("late")), errLogClosed)
}

func TestWALCutsATornTailAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := testWAL(t, dir, 1<<20, 1<<20)
	var ends []int64
	for i := range 5 {
		require.NoError(t, w.append(bytes.Repeat([]byte{byte('a' + i)}, 10+i)))
		ends = append(ends, w.durable().Offset)
	}
	name := w.open().name()
	whole, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	for cut := range len(whole) + 1 {
		complete := 0
		for _, end := range ends {
			if int64(cut) >= end {
				complete++
			}
		}
		for _, garbage := range [][]byte{nil, make([]byte, 40), []byte("\xF7Tr\x1F garbage that begins like a frame")} {
			torn := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(torn, name), append(bytes.Clone(whole[:cut]), garbage...), 0o600))
			again := testWAL(t, torn, 1<<20, 1<<20)
			got, damaged := readAll(t, again)
			require.Len(t, got, complete, "cut at %d", cut)
			require.Empty(t, damaged, "cut at %d", cut)
			kept := int64(0)
			if complete > 0 {
				kept = ends[complete-1]
			}
			require.Equal(t, int64(cut+len(garbage))-kept, again.tornBytes, "cut at %d", cut)
			require.NoError(t, again.append([]byte("after")))
			got, _ = readAll(t, again)
			require.Equal(t, "after", got[len(got)-1])
		}
	}
}

func TestWALPassesOverDamageAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := testWAL(t, dir, 1<<20, 1<<20)
	var ends []int64
	for i := range 5 {
		require.NoError(t, w.append(fmt.Appendf(nil, "record %d", i)))
		ends = append(ends, w.durable().Offset)
	}
	name := w.open().name()
	whole, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	for at := ends[1]; at < ends[2]; at++ {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x40
		broken := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(broken, name), bad, 0o600))
		got, damaged := readAll(t, testWAL(t, broken, 1<<20, 1<<20))
		require.Equal(t, []string{"record 0", "record 1", "record 3", "record 4"}, got, "byte %d", at)
		require.Equal(t, []damage{{ends[1], ends[2] - ends[1]}}, damaged, "byte %d", at)
	}
}

func TestWALRefusesAtItsCapAndTakesMoreWhenReleased(t *testing.T) {
	t.Parallel()
	w := testWAL(t, t.TempDir(), 100, 1000)
	record := make([]byte, 90)
	var err error
	for range 20 {
		if err = w.append(record); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errLogFull)
	require.NoError(t, w.release(w.durable(), func(uint64) bool { return false }))
	require.Zero(t, w.retainedBytes())
	require.NoError(t, w.append(record))
	got, _ := readAll(t, w)
	require.Len(t, got, 1)
}

func TestWALTellsNobodyOfSuccessWhenTheDiskFails(t *testing.T) {
	t.Parallel()
	w := testWAL(t, t.TempDir(), 1<<20, 1<<20)
	require.NoError(t, w.append([]byte("before")))
	broken := errors.New("input/output error")
	w.sync = func(*os.File) error { return broken }
	require.ErrorIs(t, w.append([]byte("lost")), broken)
	w.sync = func(f *os.File) error { return f.Sync() }
	require.NoError(t, w.append([]byte("after")))
	got, damaged := readAll(t, w)
	require.Equal(t, []string{"before", "after"}, got)
	require.Empty(t, damaged)
	require.Equal(t, uint64(2), w.durable().Segment, "a segment with a failed fsync is given up")

	w.sync = func(*os.File) error { return broken }
	for range 3 {
		require.ErrorIs(t, w.append([]byte("lost")), broken)
	}
	w.sync = func(f *os.File) error { return f.Sync() }
	require.NoError(t, w.append([]byte("again")))
	got, damaged = readAll(t, w)
	require.Equal(t, []string{"before", "after", "again"}, got)
	require.Empty(t, damaged)
	require.Len(t, w.segments, 3, "a disk that stays full leaves no empty segments behind")
}

func TestWALKeepsADamagedSegmentAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := testWAL(t, dir, 10, 1<<20)
	require.NoError(t, w.append([]byte("a first segment")))
	first := w.open().name()
	require.NoError(t, w.append([]byte("a second segment")))
	require.NoError(t, w.release(position{Segment: 2}, func(seq uint64) bool { return seq == 1 }))
	require.FileExists(t, filepath.Join(dir, "quarantine", first))
	require.NoFileExists(t, filepath.Join(dir, first))
}

func TestOpenRefusesAFolderThatIsInUse(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	_, err := Open(c.opts)
	require.ErrorIs(t, err, ErrLocked)
}

func TestCursorSurvivesAndRefusesWhatItCantRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := openCursor(dir)
	require.NoError(t, err)
	ref := blockRef{From: position{1, 0}, To: position{1, 99}, Token: "t", Omit: []int{3}}
	require.NoError(t, c.begin(ref))
	again, err := openCursor(dir)
	require.NoError(t, err)
	require.Equal(t, &ref, again.state.Block)
	require.NoError(t, again.advance(ref.To))
	again, err = openCursor(dir)
	require.NoError(t, err)
	require.Equal(t, cursorState{Version: 1, Done: ref.To}, again.state)

	require.NoError(t, os.WriteFile(filepath.Join(dir, cursorFile), []byte("{"), 0o600))
	_, err = openCursor(dir)
	require.ErrorContains(t, err, "without the file, the log is loaded from its start")
}

// FuzzLogRecovery opens a log whose newest segment holds anything: whatever is
// sound is read, and the log goes on.
func FuzzLogRecovery(f *testing.F) {
	const salt = 7
	sound := appendFrame(appendFrame(nil, []byte("one"), salt), []byte("two"), salt)
	f.Add(sound)
	f.Add(sound[:len(sound)-1])
	f.Add(append([]byte("x"), sound...))
	f.Add(append(bytes.Clone(sound), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, segment{seq: 1, salt: salt}.name()), content, 0o600))
		w := testWAL(t, dir, 1<<20, 1<<20)
		before, damaged := readAll(t, w)
		total := w.tornBytes
		for _, d := range damaged {
			total += d.bytes
		}
		for _, payload := range before {
			total += int64(len(payload) + frameHeader)
		}
		require.Equal(t, int64(len(content)), total, "every byte is a record's, damage or torn")
		require.NoError(t, w.append([]byte("after")))
		after, _ := readAll(t, w)
		require.Equal(t, append(before, "after"), after)
	})
}
