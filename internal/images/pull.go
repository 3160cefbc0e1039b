package images

import (
	"context"
	"fmt"
)

// Pull has the CRI pull an image, with the node's hosts.toml files and credentials as for a pod without pull secrets, and makes its
// record ours.
func (s *Store) Pull(ctx context.Context, name string, pin bool) error {
	answer, err := s.callCRI(ctx, "PullImage", message(name).with(1).with(1))
	if err != nil {
		return fmt.Errorf("pulling %s: %w", name, plain(err))
	}
	if len(answer.first(1)) == 0 {
		return fmt.Errorf("pulling %s: the CRI does not say what it pulled", name)
	}
	return s.Mark(ctx, name, pin, FromRegistry)
}
