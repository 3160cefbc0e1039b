package images

import (
	"context"
	"fmt"
	"strings"
)

// Pull has the CRI pull an image, with the node's hosts.toml files and credentials as for a pod without pull secrets, and makes its
// record ours.
func (s *Store) Pull(ctx context.Context, name string, pin bool) error {
	old, err := s.replaced(s.in(ctx), name)
	if err != nil {
		return err
	}
	answer, err := s.callCRI(ctx, "PullImage", message(name).with(1).with(1))
	if err != nil {
		return fmt.Errorf("pulling %s: %w", name, unwrapped(name, err))
	}
	if len(answer.first(1)) == 0 {
		return fmt.Errorf("pulling %s: the CRI does not say what it pulled", name)
	}
	if err := s.Mark(ctx, name, pin, FromRegistry); err != nil {
		return err
	}
	return s.retire(s.in(ctx), old)
}

// unwrapped takes off what containerd says before the cause of a failed pull, which is the image's name twice more.
func unwrapped(name string, err error) error {
	message := plain(err).Error()
	for _, before := range []string{
		fmt.Sprintf("failed to pull and unpack image %q: ", name), fmt.Sprintf("failed to resolve reference %q: ", name), "failed to resolve image: ", name + ": ",
	} {
		message = strings.TrimPrefix(message, before)
	}
	return &callError{message, err}
}
