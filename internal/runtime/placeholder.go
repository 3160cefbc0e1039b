package runtime

import (
	"context"

	"github.com/regsync/regsync/render"
)

type Service struct {
	MicroK8s bool
	Host     string
}

func (Service) Restart(ctx context.Context) error { return nil }

type NoServiceError struct{ Advice string }

func (*NoServiceError) Error() string { return "" }

func Version(ctx context.Context, socket string) (render.Version, string, error) {
	return render.Version{}, "", context.Canceled
}
func CRI(ctx context.Context, socket string) error     { return nil }
func WaitCRI(ctx context.Context, socket string) error { return nil }

type Config struct {
	Data     []byte
	CertsDir string
}

func NotLoaded(ctx context.Context, socket string, c Config) (string, error) { return "", nil }
