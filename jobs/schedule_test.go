package jobs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func utc(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDueSlots(t *testing.T) {
	t.Parallel()
	berlin := func(cron string) Spec { return Spec{Cron: cron, Zone: "Europe/Berlin"} }
	for name, c := range map[string]struct {
		spec      Spec
		last, now string
		catchup   CatchUp
		want      []string
	}{
		"every, latest":            {Spec{Every: 15 * time.Minute}, "2026-01-01 10:00", "2026-01-01 11:07", CatchUpLatest, []string{"2026-01-01 11:00"}},
		"every, all":               {Spec{Every: 30 * time.Minute}, "2026-01-01 10:00", "2026-01-01 11:07", CatchUpAll, []string{"2026-01-01 10:30", "2026-01-01 11:00"}},
		"every, none":              {Spec{Every: 15 * time.Minute}, "2026-01-01 11:00", "2026-01-01 11:14", "", nil},
		"every, never ran":         {Spec{Every: time.Hour}, "", "2026-01-01 11:14", CatchUpAll, []string{"2026-01-01 11:00"}},
		"a slot that is just now":  {Spec{Every: time.Hour}, "2026-01-01 10:00", "2026-01-01 11:00", "", []string{"2026-01-01 11:00"}},
		"the clock went back":      {Spec{Every: time.Hour}, "2026-01-01 10:00", "2026-01-01 09:00", CatchUpAll, nil},
		"cron in UTC":              {Spec{Cron: "0 3 * * *"}, "2026-01-01 03:00", "2026-01-03 04:00", CatchUpAll, []string{"2026-01-02 03:00", "2026-01-03 03:00"}},
		"cron in a zone":           {berlin("0 3 * * *"), "2026-01-01 03:00", "2026-01-02 04:00", "", []string{"2026-01-02 02:00"}},
		"summer time moves it":     {berlin("0 12 * * *"), "2026-03-28 11:30", "2026-03-29 12:00", CatchUpAll, []string{"2026-03-29 10:00"}},
		"jumped over: at the jump": {berlin("30 2 * * *"), "2026-03-28 12:00", "2026-03-30 12:00", CatchUpAll, []string{"2026-03-29 01:00", "2026-03-30 00:30"}},
		"jumped over, once":        {berlin("0,15,30 2 * * *"), "2026-03-28 12:00", "2026-03-29 12:00", CatchUpAll, []string{"2026-03-29 01:00"}},
		"shown twice: the first":   {berlin("30 2 * * *"), "2026-10-24 12:00", "2026-10-26 12:00", CatchUpAll, []string{"2026-10-25 00:30", "2026-10-26 01:30"}},
		"hourly goes by elapsed":   {berlin("30 * * * *"), "2026-10-24 23:45", "2026-10-25 02:45", CatchUpAll, []string{"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}},
		"hourly over the gap":      {berlin("30 * * * *"), "2026-03-29 00:15", "2026-03-29 01:45", CatchUpAll, []string{"2026-03-29 00:30", "2026-03-29 01:30"}},
		"a zone west":              {Spec{Cron: "30 1 * * *", Zone: "America/New_York"}, "2026-10-31 12:00", "2026-11-01 12:00", CatchUpAll, []string{"2026-11-01 05:30"}},
		"a jump at midnight":       {Spec{Cron: "0 0 * * *", Zone: "America/Santiago"}, "2026-09-05 12:00", "2026-09-06 12:00", CatchUpAll, []string{"2026-09-06 04:00"}},
		"rare, never ran":          {Spec{Cron: "0 0 29 2 *"}, "", "2026-06-01 00:00", "", []string{"2024-02-29 00:00"}},
		"far behind, latest":       {Spec{Cron: "* * * * *"}, "2020-01-01 00:00", "2026-06-01 00:00", "", []string{"2026-06-01 00:00"}},
		"weekday":                  {Spec{Cron: "@weekly"}, "2026-01-01 00:00", "2026-01-06 00:00", "", []string{"2026-01-04 00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := DueSlots(c.spec, utc(c.last), utc(c.now), c.catchup)
			require.NoError(t, err)
			var text []string
			for _, s := range got {
				text = append(text, s.Format("2006-01-02 15:04"))
			}
			require.Equal(t, c.want, text)
		})
	}
}

func TestCatchingUpIsBounded(t *testing.T) {
	t.Parallel()
	last, now := utc("2020-01-01 00:00"), utc("2026-01-01 00:00")
	for _, spec := range []Spec{{Every: time.Minute}, {Cron: "* * * * *"}, {Cron: "* 3 * * *"}} {
		slots, err := DueSlots(spec, last, now, CatchUpAll)
		require.NoError(t, err)
		require.Len(t, slots, maxSlots)
		require.Less(t, slots[0].Sub(last), 24*time.Hour, "the oldest come first, the rest at the next turn")
	}
}

// Looking often or seldom must give the same slots, on any schedule, across any change of clocks.
func TestSlotsDoNotDependOnWhenOneLooks(t *testing.T) {
	t.Parallel()
	crons := []string{"30 2 * * *", "0 0 * * *", "*/20 1-3 * * *", "15 * * * *", "0 2 * * 0", "59 23 31 * *", "30 1,2 25-31 3,10 *"}
	zones := []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"}
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{Cron: rapid.SampledFrom(crons).Draw(t, "cron"), Zone: rapid.SampledFrom(zones).Draw(t, "zone")}
		start := utc("2026-01-01 00:00").Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minute")) * time.Minute)
		end := start.Add(time.Duration(rapid.IntRange(1, 20*24*60).Draw(t, "length")) * time.Minute)
		whole, err := DueSlots(spec, start, end, CatchUpAll)
		if err != nil {
			t.Fatal(err)
		}
		var pieces []time.Time
		for at := start; at.Before(end); {
			next := at.Add(time.Duration(rapid.IntRange(7, 3000).Draw(t, "step")) * time.Minute)
			if next.After(end) {
				next = end
			}
			some, err := DueSlots(spec, at, next, CatchUpAll)
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, some...)
			at = next
		}
		if len(whole) != len(pieces) {
			t.Fatalf("%v: %v in one look, %v in many", spec, whole, pieces)
		}
		for i := range whole {
			if !whole[i].Equal(pieces[i]) {
				t.Fatalf("%v: %v in one look, %v in many", spec, whole, pieces)
			}
		}
		newest, err := DueSlots(spec, start, end, CatchUpLatest)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) > 0 && (len(newest) != 1 || !newest[0].Equal(whole[len(whole)-1])) || len(whole) == 0 && len(newest) > 0 {
			t.Fatalf("%v: newest of %v is not %v", spec, whole, newest)
		}
	})
}

func TestSpecSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, spec := range map[string]Spec{
		"needs every or cron":   {},
		"not both":              {Every: time.Hour, Cron: "@daily"},
		"shortest interval":     {Every: time.Millisecond},
		"unknown time zone":     {Cron: "@daily", Zone: "Berlin"},
		"write the interval as": {Cron: "@every 5m"},
		"the zone beside":       {Cron: "CRON_TZ=UTC 0 0 * * *"},
		"cron \"61 * * * *\"":   {Cron: "61 * * * *"},
	} {
		require.ErrorContains(t, spec.Validate(), want)
	}
	require.Error(t, Spec{Every: -time.Hour}.Validate())
	require.NoError(t, Spec{Cron: "*/5 9-17 * * 1-5", Zone: "Asia/Tokyo"}.Validate())
}
