package images

import (
	"context"
	"fmt"
	"time"

	eventsapi "github.com/containerd/containerd/api/services/events/v1"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Connected is the cause when containerd is there anew.
const Connected = "containerd is there"

// topics are the events of what leaves the store.
var topics = []string{"/images/delete", "/images/update", "/content/delete", "/snapshot/remove"}

// echo is a topic of our own: what is published on it and comes back says that we are subscribed. containerd itself does not say so.
const echo = "/regsync/echo"

// Follow tells, until ctx ends, of what leaves the image store behind a socket, in a few words, and whenever containerd is there anew: what happened in between
// nobody has heard. An empty namespace is k8s.io. stream hears whether containerd is there, and if not, why. Neither is called side by side with itself or the other.
func Follow(ctx context.Context, socket, namespace string, tell func(cause string), stream func(up bool, why string)) error {
	if namespace == "" {
		namespace = ofCRI
	}
	retry := backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 10 * time.Second}
	conn, err := dial(socket, grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: time.Second}))
	if err != nil {
		return err
	}
	defer conn.Close()
	request := &eventsapi.SubscribeRequest{}
	for _, topic := range append([]string{echo}, topics...) {
		request.Filters = append(request.Filters, fmt.Sprintf("namespace==%q,topic==%q", namespace, topic))
	}
	for pause := retry.BaseDelay; ; pause = min(2*pause, retry.MaxDelay) {
		began := time.Now()
		// Without waiting for the connection, so that whoever asks hears that there is none.
		err := listen(namespaces.WithNamespace(ctx, namespace), eventsapi.NewEventsClient(conn), request, tell, stream)
		if ctx.Err() != nil {
			return nil
		}
		stream(false, plain(err).Error())
		if time.Since(began) > retry.MaxDelay {
			pause = retry.BaseDelay
		}
		select { // it is going down, or coming up
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// listen tells of events until the stream ends.
func listen(ctx context.Context, client eventsapi.EventsClient, request *eventsapi.SubscribeRequest, tell func(cause string), stream func(up bool, why string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := client.Subscribe(ctx, request)
	if err != nil {
		return err
	}
	heard := make(chan struct{})
	go call(ctx, client, heard)
	for up := false; ; {
		event, err := events.Recv()
		switch {
		case err != nil:
			return err
		case !up:
			up = true
			close(heard)
			stream(true, "")
			tell(Connected)
		}
		if event.GetTopic() != echo {
			tell("containerd: " + event.GetTopic())
		}
	}
}

// call publishes something until it is heard.
func call(ctx context.Context, client eventsapi.EventsClient, heard <-chan struct{}) {
	nothing, err := anypb.New(&emptypb.Empty{})
	if err != nil {
		return // it is a constant
	}
	for {
		_, _ = client.Publish(ctx, &eventsapi.PublishRequest{Topic: echo, Event: nothing}) // it is heard, or tried again
		select {
		case <-heard:
			return
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
