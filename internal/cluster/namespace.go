package cluster

import (
	"context"
	"errors"

	"github.com/regsync/regsync/render"
)

const (
	namespaces      = "namespaces"
	secrets         = "secrets"
	serviceAccounts = "serviceaccounts"
	leases          = "leases"
)

// Namespaces lists the namespaces, without those that are being deleted.
func (k *Client) Namespaces(ctx context.Context) ([]render.Namespace, error) {
	var all []render.Namespace
	err := k.list(ctx, namespaces, "", func(o object) {
		if n, ok := o.namespace(); ok {
			all = append(all, n)
		}
	})
	return all, err
}

// Namespace looks at one namespace; there is false where it is not there, or is being deleted. Where we may not ask, it is taken to be there.
func (k *Client) Namespace(ctx context.Context, name string) (n render.Namespace, there bool, err error) {
	o, err := k.get(ctx, target{resource: namespaces, name: name})
	switch refused := (*RefusedError)(nil); {
	case errors.As(err, &refused):
		return render.Namespace{Name: name}, true, nil
	case errors.Is(err, errMissing):
		return n, false, nil
	case err != nil:
		return n, false, err
	}
	n, there = o.namespace()
	return n, there, nil
}

func (o object) namespace() (n render.Namespace, there bool) {
	return render.Namespace{Name: o.text("metadata", "name"), Labels: o.labels()}, o.text("status", "phase") != "Terminating"
}
