package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// WatchEvent is what an API server says of an object.
type WatchEvent struct {
	Type   string // ADDED, MODIFIED, DELETED
	Object json.RawMessage
}

// Watch gives every object of a path (/api/v1/pods), and then every change of one, in the order of the API server. It ends with ctx or with the
// stream, and says why.
func (k *KubeClient) Watch(ctx context.Context, path string, see func(WatchEvent) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+k.Address+path+"?watch=true", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+k.token)
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(response.Body)
		return fmt.Errorf("watching %s: %s: %s", path, response.Status, said)
	}
	for events := json.NewDecoder(response.Body); ; {
		var event WatchEvent
		if err := events.Decode(&event); err != nil {
			return fmt.Errorf("watching %s: %w", path, err)
		}
		if event.Type == "ERROR" {
			return fmt.Errorf("watching %s: %s", path, event.Object)
		}
		if err := see(event); err != nil {
			return err
		}
	}
}
