package plan

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
)

// TestAddon: what is asked of MicroK8s' built-in registry, what there is of it, and what becomes of it.
func TestAddon(t *testing.T) {
	on, off := &render.Addon{Enabled: true, Size: "40Gi"}, &render.Addon{}
	fast := &render.Addon{Enabled: true, StorageClass: "fast"}
	hostpath := LiveAddon{Classes: []string{"microk8s-hostpath"}, Default: "microk8s-hostpath"}
	live := func(change func(*LiveAddon)) LiveAddon {
		l := hostpath
		l.Enabled, l.Size, l.StorageClass = true, "40Gi", "microk8s-hostpath"
		if change != nil {
			change(&l)
		}
		return l
	}
	ours, found, cutOff := &Owned{}, &Owned{Found: true}, &Owned{Coming: "digest"}
	keep, exact := Policy{Adopt: true, Leaving: "no longer asked for"}, Policy{Adopt: true, Leaving: "is given back", DataLoss: true}
	for name, x := range map[string]struct {
		want   *render.Addon // nil: not asked for
		live   LiveAddon
		owned  *Owned
		policy Policy
		action Action // 0: no change
		says   string
		ours   bool // afterwards
	}{
		"not there":                    {on, hostpath, nil, keep, Create, "runs microk8s enable registry --size 40Gi", true},
		"not there, no storage":        {on, LiveAddon{}, nil, keep, Create, "which enables hostpath-storage too", true},
		"class, not there":             {fast, LiveAddon{Classes: []string{"fast"}}, nil, keep, Create, "microk8s enable registry --storageclass fast", true},
		"no such class":                {fast, hostpath, nil, keep, 0, `conflict: the cluster has no storage class "fast"`, false},
		"somebody has disabled it":     {on, hostpath, ours, keep, Create, "was disabled since the last apply", true},
		"enabling was cut off":         {on, hostpath, cutOff, keep, Create, "runs microk8s", true},
		"right":                        {on, live(nil), ours, keep, 0, "", true},
		"any size is right":            {&render.Addon{Enabled: true}, live(nil), ours, keep, 0, "", true},
		"not ready":                    {on, live(func(l *LiveAddon) { l.Faults = []string{"no pod"} }), ours, keep, Update, "is not ready: no pod", true},
		"a part is missing":            {on, live(func(l *LiveAddon) { l.Missing, l.Faults = []string{"no service"}, []string{"no pod"} }), ours, keep, Update, "is not ready: no service; no pod", true},
		"somebody's":                   {on, live(nil), nil, keep, Adopt, "takes over the add-on, which is right already", true},
		"somebody's, not ready":        {on, live(func(l *LiveAddon) { l.Faults = []string{"no pod"} }), nil, keep, Adopt, "waits for it: no pod", true},
		"somebody's, not to be ours":   {on, live(nil), nil, Policy{}, 0, "", false},
		"somebody's, broken, not ours": {on, live(func(l *LiveAddon) { l.Faults = []string{"no pod"} }), nil, Policy{}, 0, "conflict: it was enabled already, is not ready (no pod)", false},
		"other size":                   {on, live(func(l *LiveAddon) { l.Size = "20Gi" }), ours, keep, 0, "conflict: its volume has 20Gi and is to have 40Gi", true},
		"other class":                  {fast, live(func(l *LiveAddon) { l.Classes = append(l.Classes, "fast") }), ours, keep, 0, `conflict: its volume is of storage class "microk8s-hostpath" and is to be of "fast"`, true},
		"its class is gone":            {fast, live(func(l *LiveAddon) { l.StorageClass = "fast" }), ours, keep, 0, "", true},
		"no claim yet":                 {on, live(func(l *LiveAddon) { l.Size, l.Missing = "", []string{"no claim"} }), ours, keep, Update, "is not ready: no claim", true},

		"off, and there":        {off, live(nil), ours, keep, Delete, "disabling it deletes every image in it, with its volume of 40Gi", false},
		"off, and somebody's":   {off, live(nil), nil, keep, Delete, "disabling it deletes every image", false},
		"off, and not there":    {off, hostpath, nil, keep, 0, "", false},
		"off already, and ours": {off, hostpath, ours, keep, Forget, "it is disabled already", false},
		"taken out":             {nil, live(nil), ours, keep, Forget, "it stays as it is, for its images would go with it", false},
		"taken out, was there":  {nil, live(nil), found, keep, Forget, "it was enabled before, and stays", false},
		"given back":            {nil, live(nil), ours, exact, Delete, "disabling it deletes every image", false},
		"given back, was there": {nil, live(nil), found, exact, Forget, "it was enabled before, and stays", false},
		"given back, is not on": {nil, hostpath, ours, exact, Forget, "is given back", false},
		"given back, was cut":   {nil, live(nil), cutOff, exact, Delete, "disabling it deletes every image", false},
		"other size, can grow":  {on, live(func(l *LiveAddon) { l.Size, l.Grows = "20Gi", true }), ours, keep, 0, "kubectl -n container-registry edit pvc", true},
		"given back, no claim":  {nil, live(func(l *LiveAddon) { l.Size = "" }), ours, exact, Delete, "disabling it deletes every image in it", false},
		"taken out, not on":     {nil, hostpath, ours, keep, Forget, "no longer asked for", false},
	} {
		t.Run(name, func(t *testing.T) {
			id := render.ID{Kind: render.KindAddon, Name: render.RegistryAddon}
			var want []render.Resource
			if x.want != nil {
				want = []render.Resource{{ID: id, Addon: x.want}}
			}
			owned := map[render.ID]Owned{}
			if x.owned != nil {
				owned[id] = *x.owned
			}
			p, err := New(want, map[render.ID]Live{id: {Addon: x.live}}, owned, x.policy)
			if err != nil {
				t.Fatal(err)
			}
			says, isOurs := "", x.owned != nil
			for _, c := range p.Conflicts {
				says = "conflict: " + c.Reason + " " + c.Hint
				if c.Bars() {
					t.Error("it bars everything else")
				}
			}
			var action Action
			for _, c := range p.Changes {
				action, says, isOurs = c.Action, c.Reason, c.Entry != nil
				if lost := len(p.Losses()) > 0; lost != (c.Action == Delete) {
					t.Errorf("it is said to lose data: %v", lost)
				}
				if found := x.owned != nil && x.owned.Found || x.owned == nil && x.live.Enabled; c.Entry != nil && c.Entry.Found != found {
					t.Errorf("it was there before: %v, want %v", c.Entry.Found, found)
				}
			}
			if action != x.action || isOurs != x.ours || x.says != "" && !strings.Contains(says, x.says) || x.says == "" && says != "" {
				t.Errorf("%c %q, ours %v", action, says, isOurs)
			}
		})
	}
}
