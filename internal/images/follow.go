package images

import (
	"context"
	"fmt"
	"time"

	eventsapi "github.com/containerd/containerd/api/services/events/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Connected is the cause when containerd is there anew.
const Connected = "containerd is there"

// topics are the events of what leaves the store.
var topics = []string{"/images/delete", "/images/update", "/content/delete", "/snapshot/remove"}

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
	for _, topic := range topics {
		request.Filters = append(request.Filters, fmt.Sprintf("namespace==%q,topic==%q", namespace, topic))
	}
	for pause := retry.BaseDelay; ; pause = min(2*pause, retry.MaxDelay) {
		began := time.Now()
		// Without waiting for the connection, so that whoever asks hears that there is none.
		events, err := eventsapi.NewEventsClient(conn).Subscribe(ctx, request)
		if err == nil {
			err = hear(events, tell, stream)
		}
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

// hear tells of events until the stream ends.
func hear(events eventsapi.Events_SubscribeClient, tell func(cause string), stream func(up bool, why string)) error {
	stream(true, "")
	tell(Connected)
	for {
		event, err := events.Recv()
		if err != nil {
			return err
		}
		tell("containerd: " + event.GetTopic())
	}
}
