package runtime

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Dial opens a connection to the gRPC socket at an absolute path. Nothing is sent before the first call.
func Dial(socket string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///containerd", append(opts, // else a name is looked up
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, err
			}
			return wholly{conn}, nil
		}))...)
	if err != nil {
		return nil, fmt.Errorf("dialling %q: %w", socket, err)
	}
	return conn, nil
}

// wholly is a connection that ends when something cannot be written to it. gRPC leaves that to its reader, which hears nothing where only
// the way there is broken, as by a kernel without memory for a moment: the call would wait for ever (grpc-go 1.78,
// internal/transport/http2_client.go, NewHTTP2Client).
type wholly struct{ net.Conn }

func (c wholly) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.Close()
	}
	return n, err
}

// raw is a message as it goes over the wire. The CRI is called with it, of which two messages are all we need.
type raw []byte

// rawCodec stands in for grpc's codec of the same name.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*raw), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*raw) = append(raw(nil), data...)
	return nil
}

// call makes one call with raw messages.
func call(ctx context.Context, conn *grpc.ClientConn, method string, request raw) (raw, error) {
	var response raw
	err := conn.Invoke(ctx, method, &request, &response, grpc.ForceCodec(rawCodec{}))
	return response, err
}
