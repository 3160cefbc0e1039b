package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WaitCRI waits until the CRI at socket answers. It returns early with a *[PluginError] or [ErrNoCRI] when it is known that it never will,
// and with what stood in the way last when ctx ends.
func WaitCRI(ctx context.Context, socket string) error {
	return retry(ctx, 10*time.Millisecond, 250*time.Millisecond, func() (bool, error) {
		err := CRI(ctx, socket)
		var plugin *PluginError
		return errors.As(err, &plugin) || errors.Is(err, ErrNoCRI), err
	})
}

// retry calls try until it gives no error or says that its error is final, with a pause that doubles from shortest to longest.
// When ctx ends it returns the last error.
func retry(ctx context.Context, shortest, longest time.Duration, try func() (final bool, err error)) error {
	var last error
	for pause := shortest; ; pause = min(2*pause, longest) {
		final, err := try()
		if err == nil || final {
			return err
		}
		if ctx.Err() == nil || last == nil { // an attempt that ctx has cut short says less than the one before
			last = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w (%w)", last, context.Cause(ctx))
		}
	}
}
