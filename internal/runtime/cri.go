package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"

	introspection "github.com/containerd/containerd/api/services/introspection/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrNoCRI says that containerd runs without a CRI: it is among the disabled plugins.
var ErrNoCRI = errors.New("containerd runs without the CRI plugin: disabled_plugins names it")

// PluginError says that containerd runs and that its CRI plugin did not load. Only another config and a restart help.
type PluginError struct {
	Plugin string // TYPE.ID
	Cause  string // as containerd says it
}

// Error gives "plugin NAME did not load: CAUSE".
func (e *PluginError) Error() string {
	return fmt.Sprintf("plugin %s did not load: %s", e.Plugin, e.Cause)
}

// criServices are the names of the CRI's service, newest first. containerd 1.5 has the second only.
var criServices = []string{"runtime.v1", "runtime.v1alpha2"}

// CRI reports whether the CRI at socket answers: nil if it does, a *[PluginError] or [ErrNoCRI] if it never will as containerd
// runs, and any other error if containerd does not answer, or not yet.
func CRI(ctx context.Context, socket string) error {
	conn, err := Dial(socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := callCRI(ctx, conn, "Version", nil); err != nil {
		return fmt.Errorf("asking the CRI at %q: %w", socket, err)
	}
	return nil
}

// callCRI calls a method of the CRI's RuntimeService by whichever name containerd knows it.
func callCRI(ctx context.Context, conn *grpc.ClientConn, method string, request raw) (raw, error) {
	for _, service := range criServices {
		response, err := call(ctx, conn, "/"+service+".RuntimeService/"+method, request)
		if status.Code(err) != codes.Unimplemented {
			return response, plain(err)
		}
	}
	return nil, missingCRI(ctx, conn)
}

// missingCRI finds out why a containerd has no CRI service.
func missingCRI(ctx context.Context, conn *grpc.ClientConn) error {
	answer, err := introspection.NewIntrospectionClient(conn).Plugins(ctx, &introspection.PluginsRequest{})
	if err != nil {
		return fmt.Errorf("asking why there is none: %w", plain(err))
	}
	var failed *PluginError
	there := false
	for _, p := range answer.Plugins {
		whole := p.Type == "io.containerd.grpc.v1" && p.ID == "cri"
		half := p.Type == "io.containerd.cri.v1" // 2.x: images and runtime, on which the other depends
		there = there || whole
		if cause := p.GetInitErr().GetMessage(); cause != "" && (half || whole && failed == nil) {
			failed = &PluginError{Plugin: p.Type + "." + p.ID, Cause: cause}
		}
	}
	switch {
	case !there:
		return ErrNoCRI
	case failed == nil:
		return errors.New("the plugin has loaded and does not serve")
	}
	return failed
}

// plain takes gRPC's wrapping off an error that a person reads, and leaves the cause to be asked for.
func plain(err error) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	message := strings.TrimPrefix(s.Message(), `connection error: desc = "`)
	if message != s.Message() {
		message = strings.TrimSuffix(message, `"`)
	}
	return &callError{message: message, err: err}
}

type callError struct {
	message string
	err     error
}

func (e *callError) Error() string { return e.message }
func (e *callError) Unwrap() error { return e.err }
