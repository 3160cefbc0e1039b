package runtime

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	introspection "github.com/containerd/containerd/api/services/introspection/v1"
	versionapi "github.com/containerd/containerd/api/services/version/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// fake is a containerd that says what it is told to.
type fake struct {
	introspection.UnimplementedIntrospectionServer

	version string
	service string                  // of the CRI: runtime.v1; empty: none
	info    map[string]string       // of the CRI's status
	plugins []*introspection.Plugin // what introspection tells
	refuse  func(call int) error    // nil: never

	calls atomic.Int32 // of the CRI
}

func (f *fake) Version(context.Context, *emptypb.Empty) (*versionapi.VersionResponse, error) {
	return &versionapi.VersionResponse{Version: f.version}, nil
}

func (f *fake) Plugins(context.Context, *introspection.PluginsRequest) (*introspection.PluginsResponse, error) {
	return &introspection.PluginsResponse{Plugins: f.plugins}, nil
}

// cri answers as the CRI.
func (f *fake) cri(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if f.service == "" || !strings.HasPrefix(method, "/"+f.service+".RuntimeService/") {
		return grpcstatus.Errorf(codes.Unimplemented, "unknown service %s", method)
	}
	if f.refuse != nil {
		if err := f.refuse(int(f.calls.Add(1))); err != nil {
			return err
		}
	}
	var request, response emptypb.Empty
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	var wire []byte
	if strings.HasSuffix(method, "/Status") && len(request.ProtoReflect().GetUnknown()) > 0 { // verbose
		wire = protowire.AppendBytes(protowire.AppendTag(wire, 1, protowire.BytesType), []byte{})
		for key, value := range f.info {
			entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), key)
			entry = protowire.AppendString(protowire.AppendTag(entry, 2, protowire.BytesType), value)
			wire = protowire.AppendBytes(protowire.AppendTag(wire, 2, protowire.BytesType), entry)
		}
	}
	response.ProtoReflect().SetUnknown(wire)
	return stream.SendMsg(&response)
}

// serve gives the socket at which f answers.
func (f *fake) serve(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "c.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(f.cri))
	introspection.RegisterIntrospectionServer(server, f)
	versionapi.RegisterVersionServer(server, &versionOnly{f: f})
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return socket
}

// versionOnly parts the version service from the other, whose interface has an embedded guard of its own.
type versionOnly struct {
	versionapi.UnimplementedVersionServer
	f *fake
}

func (v *versionOnly) Version(ctx context.Context, e *emptypb.Empty) (*versionapi.VersionResponse, error) {
	return v.f.Version(ctx, e)
}

// plugin is what introspection tells of one plugin; cause empty: it has loaded.
func plugin(kind, id, cause string) *introspection.Plugin {
	p := &introspection.Plugin{Type: kind, ID: id, Platforms: []*types.Platform{{OS: "linux"}}}
	if cause != "" {
		p.InitErr = &status.Status{Code: 2, Message: cause}
	}
	return p
}
