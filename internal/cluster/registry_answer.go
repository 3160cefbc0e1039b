package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// answerAtOnce is how long the registry of this very node is given to answer.
const answerAtOnce = 3 * time.Second

// apiVersion is a header by which a registry tells that it is one (the distribution specification of Docker, v2).
const apiVersion = "Docker-Distribution-Api-Version"

// answers asks a node port of this node for a registry, and says what is wrong; empty: one answers.
func answers(ctx context.Context, port int) string {
	ctx, cancel := context.WithTimeout(ctx, answerAtOnce)
	defer cancel()
	address := fmt.Sprintf("http://127.0.0.1:%d/v2/", port)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err.Error()
	}
	direct := &http.Transport{DisableKeepAlives: true} // a proxy of the environment has nothing to do with this node's own port
	response, err := (&http.Client{Transport: direct}).Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Sprintf("%s does not answer: %v", address, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)) // what it says does not matter
	switch {
	case response.Header.Get(apiVersion) == "":
		return fmt.Sprintf("%s is answered by something that is no registry (%s): another program has the port", address, response.Status)
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized:
		return fmt.Sprintf("%s answers %s", address, response.Status)
	}
	return ""
}
