package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// LiveAddon is MicroK8s' built-in registry as the cluster's objects show it.
type LiveAddon struct {
	Enabled      bool     // something of it is there
	Size         string   // that its volume was asked for with: 40Gi; empty: there is no claim
	StorageClass string   // of its volume
	Grows        bool     // its storage class lets volumes grow
	Missing      []string // what of it is not there
	Faults       []string // why what is there is not ready; none of both: it is ready

	// Classes are the cluster's storage classes, and Default is the one that is taken where none is named; empty: there is none.
	Classes []string
	Default string
}

// wantAddon compares the built-in registry with what is asked for.
func (b *builder) wantAddon(r render.Resource, live LiveAddon, owned *Owned) {
	if !r.Addon.Enabled {
		b.wantDisabled(r, live, owned)
		return
	}
	c := Change{ID: r.ID, Addon: r.Addon, Entry: &Owned{Found: live.Enabled}}
	if owned != nil {
		c.Entry.Found = owned.Found
	}
	if reason, hint := unfit(*r.Addon, live); reason != "" {
		b.conflict(r.ID, reason, hint)
		return
	}
	faults := strings.Join(slices.Concat(live.Missing, live.Faults), "; ")
	switch {
	case !live.Enabled:
		c.Action, c.Reason = Create, "runs microk8s "+strings.Join(r.Addon.Arguments(), " ")
		if owned != nil && owned.Coming == "" {
			c.Reason, c.Drift = "was disabled since the last apply: "+c.Reason, true
		}
		if live.Default == "" && r.Addon.StorageClass == "" {
			c.Reason += ", which enables hostpath-storage too"
		}
	case owned == nil && !b.pol.Adopt && faults != "":
		b.conflict(r.ID, "it was enabled already, is not ready ("+faults+"), and policy.adopt is false", "set policy.adopt: true to look after it")
		return
	case owned == nil && !b.pol.Adopt:
		b.plan.Unchanged++
		return
	case owned == nil && faults == "":
		c.Action, c.Reason = Adopt, "takes over the add-on, which is right already"
	case owned == nil:
		c.Action, c.Reason = Adopt, "takes over the add-on, and waits for it: "+faults
	case faults != "":
		c.Action, c.Reason = Update, "is not ready: "+faults
	default:
		b.plan.Unchanged++
		return
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

// wantDisabled plans what becomes of the built-in registry where the spec says that it is to be off.
func (b *builder) wantDisabled(r render.Resource, live LiveAddon, owned *Owned) {
	switch {
	case live.Enabled:
		b.plan.Changes = append(b.plan.Changes, Change{ID: r.ID, Action: Delete, Addon: r.Addon, Reason: r.Why + ": " + loss(live)})
	case owned != nil:
		b.plan.Changes = append(b.plan.Changes, Change{ID: r.ID, Action: Forget, Addon: r.Addon, Reason: r.Why + ": it is disabled already"})
	default:
		b.plan.Unchanged++
	}
}

// removeAddon plans what becomes of the built-in registry when nobody asks for it any more. It stays: its images would go with it.
func (b *builder) removeAddon(id render.ID, live LiveAddon, owned Owned) {
	c := Change{ID: id, Action: Forget, Removal: true, Addon: &render.Addon{}, Reason: b.pol.Leaving}
	switch {
	case owned.Found:
		c.Reason += ": it was enabled before, and stays"
	case !b.pol.DataLoss:
		c.Reason += ": it stays as it is, for its images would go with it"
	case live.Enabled:
		c.Action = Delete
		c.Reason += ": " + loss(live)
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

func loss(live LiveAddon) string {
	if live.Size == "" {
		return "disabling it deletes every image in it"
	}
	return fmt.Sprintf("disabling it deletes every image in it, with its volume of %s", live.Size)
}

// unfit says why the built-in registry cannot be made as it is asked for, and what that would take; empty: it can.
func unfit(want render.Addon, live LiveAddon) (reason, hint string) {
	again := "to have it made anew, without the images that are in it: enabled: false, regsync apply --allow-data-loss, enabled: true"
	switch {
	case want.StorageClass != "" && !slices.Contains(live.Classes, want.StorageClass) && (!live.Enabled || live.StorageClass != want.StorageClass):
		hint = "make the class, or leave storageClass out: then MicroK8s enables hostpath-storage"
		if len(live.Classes) > 0 {
			hint = "the cluster has " + strings.Join(live.Classes, ", ")
		}
		return fmt.Sprintf("the cluster has no storage class %q", want.StorageClass), hint
	case !live.Enabled || live.Size == "":
		return "", ""
	case want.Size != "" && want.Size != live.Size:
		hint = fmt.Sprintf("write size: %s; %s", live.Size, again)
		if live.Grows {
			hint = fmt.Sprintf("storage class %s lets a volume grow: kubectl -n container-registry edit pvc registry-claim; %s", live.StorageClass, again)
		}
		return fmt.Sprintf("its volume has %s and is to have %s: MicroK8s takes a size only when it makes the volume", live.Size, want.Size), hint
	case want.StorageClass != "" && want.StorageClass != live.StorageClass:
		return fmt.Sprintf("its volume is of storage class %q and is to be of %q: a volume keeps its class", live.StorageClass, want.StorageClass),
			fmt.Sprintf("write storageClass: %s; %s", live.StorageClass, again)
	}
	return "", ""
}

// Losses gives the changes that delete data which regsync cannot give back.
func (p Plan) Losses() []Change {
	var list []Change
	for _, c := range p.Changes {
		if c.Kind == render.KindAddon && c.Action == Delete {
			list = append(list, c)
		}
	}
	return list
}
