package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Await waits until an object is there and its field (a JSON pointer, see [Field]; empty: none) has this value.
func (k *KubeClient) Await(ctx context.Context, kind, name, pointer, value string) error {
	return k.until(ctx, kind, name, func(object []byte) error {
		if object == nil {
			return fmt.Errorf("%s %s is not there", kind, name)
		}
		if pointer == "" {
			return nil
		}
		got, err := Field(object, pointer)
		if err == nil && got != value {
			err = fmt.Errorf("%s %s: %s is %q, not %q", kind, name, pointer, got, value)
		}
		return err
	})
}

// AwaitGone waits until there is no such object.
func (k *KubeClient) AwaitGone(ctx context.Context, kind, name string) error {
	return k.until(ctx, kind, name, func(object []byte) error {
		if object != nil {
			return fmt.Errorf("%s %s is still there: %s", kind, name, object)
		}
		return nil
	})
}

// until asks for an object, nil where there is none, until right has no complaint.
func (k *KubeClient) until(ctx context.Context, kind, name string, right func(object []byte) error) error {
	path, err := k.Path(ctx, kind, name)
	if err != nil {
		return err
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		object, err := k.Do(ctx, http.MethodGet, path, nil)
		if status := (*StatusError)(nil); err == nil || errors.As(err, &status) && status.Code == http.StatusNotFound {
			if err = right(object); err == nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-again.C:
		}
	}
}

// Field gives a field of a JSON document by its JSON pointer (RFC 6901): a text as it stands, anything else as JSON.
func Field(document []byte, pointer string) (string, error) {
	var at any
	if err := json.Unmarshal(document, &at); err != nil {
		return "", err
	}
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var next any
		switch here := at.(type) {
		case map[string]any:
			next = here[part]
		case []any:
			if i, err := strconv.Atoi(part); err == nil && i < len(here) {
				next = here[i]
			}
		}
		if next == nil {
			return "", fmt.Errorf("%s: there is no %q", pointer, part)
		}
		at = next
	}
	if text, ok := at.(string); ok {
		return text, nil
	}
	text, err := json.Marshal(at)
	return string(text), err
}
