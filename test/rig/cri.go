package rig

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// pullWithin bounds one pull. All images of the suite are small and all registries local.
const pullWithin = 60 * time.Second

// CRI asks a runtime as kubelet does.
type CRI struct {
	connection *grpc.ClientConn
	images     cri.ImageServiceClient
	runtime    cri.RuntimeServiceClient
}

// DialCRI prepares a client for the runtime behind a Unix socket. Nothing is asked yet.
func DialCRI(socket string) (*CRI, error) {
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("dialling %q: %w", socket, err)
	}
	return &CRI{connection, cri.NewImageServiceClient(connection), cri.NewRuntimeServiceClient(connection)}, nil
}

// Close ends the connection.
func (c *CRI) Close() error { return c.connection.Close() }

// Version returns name and version of the runtime, such as "containerd v2.2.9".
func (c *CRI) Version(ctx context.Context) (string, error) {
	answer, err := c.runtime.Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return "", err
	}
	return answer.RuntimeName + " " + answer.RuntimeVersion, nil
}

// Await waits until the runtime answers: with its CRI up, or saying that it has none.
func (c *CRI) Await(ctx context.Context, up bool) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := c.runtime.Version(ctx, &cri.VersionRequest{}, grpc.WaitForReady(true))
		if up && err == nil || !up && status.Code(err) == codes.Unimplemented {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for CRI (up: %v): %w", up, err)
		case <-again.C:
		}
	}
}

// Pull pulls an image as kubelet does for a pod without pull secrets, and returns the ID of what was pulled.
func (c *CRI) Pull(ctx context.Context, image string) (string, error) {
	return c.PullAs(ctx, image, "")
}

// PullAs pulls an image as kubelet does for a pod whose pull secret has this user:password for the registry; none where it is empty.
func (c *CRI) PullAs(ctx context.Context, image, login string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pullWithin)
	defer cancel()
	request := &cri.PullImageRequest{Image: &cri.ImageSpec{Image: image}}
	if user, password, ok := strings.Cut(login, ":"); ok {
		request.Auth = &cri.AuthConfig{Username: user, Password: password}
	}
	answer, err := c.images.PullImage(ctx, request)
	if err != nil {
		return "", err
	}
	return answer.ImageRef, nil
}

// Status returns the image as the runtime knows it, nil where it does not have it.
func (c *CRI) Status(ctx context.Context, image string) (*cri.Image, error) {
	answer, err := c.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: image}})
	if err != nil {
		return nil, err
	}
	return answer.Image, nil
}

// Images lists all images.
func (c *CRI) Images(ctx context.Context) ([]*cri.Image, error) {
	answer, err := c.images.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	return answer.Images, nil
}

// Remove removes an image; one that is not there is no error.
func (c *CRI) Remove(ctx context.Context, image string) error {
	_, err := c.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: image}})
	return err
}
