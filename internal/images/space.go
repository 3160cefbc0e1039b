package images

import (
	"context"

	"golang.org/x/sys/unix"
)

// room fails with a *[SpaceError] where what is missing does not fit. Where containerd's directories cannot be seen from here nothing is said.
func (r *run) room(ctx context.Context, missing []*blob) error {
	var content, unpacked int64
	for _, b := range missing {
		content += b.Size
	}
	for _, w := range r.images {
		if _, err := r.snapshots().Stat(ctx, chainID(w.DiffIDs)); err == nil {
			continue
		}
		for _, layer := range w.layers {
			select {
			case <-layer.done: // it may well be unpacked too
			default:
				unpacked += layer.Size
			}
		}
	}
	return fits(place{r.roots[""], content}, place{r.roots[r.snapshotter], unpacked})
}

// place is a directory that grows by so many bytes.
type place struct {
	path string
	need int64
}

// fits adds up what each file system has to take.
func fits(places ...place) error {
	sums := map[uint64]*SpaceError{}
	for _, p := range places {
		var file unix.Stat_t
		var system unix.Statfs_t
		if p.path == "" || p.need == 0 || unix.Stat(p.path, &file) != nil || unix.Statfs(p.path, &system) != nil {
			continue
		}
		sum := sums[file.Dev]
		if sum == nil {
			sum = &SpaceError{Path: p.path, Free: int64(system.Bavail) * system.Bsize} //nolint:gosec // below 8 EiB
			sums[file.Dev] = sum
		}
		sum.Need += p.need
		if sum.Need > sum.Free {
			return sum
		}
	}
	return nil
}
