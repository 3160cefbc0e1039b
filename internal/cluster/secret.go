package cluster

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/util/retry"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

const (
	dockerConfigType = "kubernetes.io/dockerconfigjson"
	dockerConfigKey  = ".dockerconfigjson"
	managedByLabel   = "app.kubernetes.io/managed-by"

	// OwnerLabel says whose an object of regsync's is: cluster.owner.
	OwnerLabel = "regsync.dev/owner"
)

// Look gives an object of the cluster as a plan sees it.
func (k *Client) Look(ctx context.Context, id render.ID) (plan.Live, error) {
	if id.Kind == render.KindAddon {
		live, err := k.Registry(ctx)
		return plan.Live{Addon: live}, err
	}
	t := targetOf(id)
	o, err := k.get(ctx, t)
	if errors.Is(err, errMissing) {
		return plan.Live{}, nil
	}
	if err != nil {
		return plan.Live{}, err
	}
	if id.Kind == render.KindServiceAccount {
		return plan.Live{Data: render.NameList(o.references())}, nil
	}
	return o.secret()
}

// targetOf gives the object that a resource is.
func targetOf(id render.ID) target {
	namespace, name, _ := strings.Cut(id.Name, "/")
	if id.Kind == render.KindServiceAccount {
		return target{serviceAccounts, namespace, name}
	}
	return target{secrets, namespace, name}
}

// secret gives what is looked after of a secret, or why nothing of it can be.
func (o object) secret() (plan.Live, error) {
	encoded := o.data()[dockerConfigKey]
	config, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return plan.Live{}, errors.New("its content is not in base64") // the API server lets none such in
	}
	live := plan.Live{Data: render.PullSecret{
		ManagedBy: o.text("metadata", "labels", managedByLabel), Owner: o.text("metadata", "labels", OwnerLabel), Config: config,
	}.Encode()}
	if immutable, _ := o["immutable"].(bool); immutable {
		live.Obstacle = "is immutable"
	}
	if kind := o.text("type"); kind != dockerConfigType {
		live.Obstacle = fmt.Sprintf("a secret of type %s stands there, and Kubernetes lets nobody change a type", kind)
	}
	return live, nil
}

// data gives the keys of a secret.
func (o object) data() map[string]string {
	data := map[string]string{}
	m, _ := o["data"].(map[string]any)
	for key, value := range m {
		data[key], _ = value.(string)
	}
	return data
}

// Apply carries out one change of a secret or a service account.
func (k *Client) Apply(ctx context.Context, c plan.Change) error {
	if c.Action == plan.Forget || render.Same(c.Before, c.After) {
		return nil
	}
	change := k.changeSecret
	if c.Kind == render.KindServiceAccount {
		change = k.changeReferences
	}
	return retry.OnError(patience, again, func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return change(ctx, c)
	})
}

// again reports whether an object was changed between our reading and our writing.
func again(err error) bool { return errors.Is(err, errConflict) }

// changeSecret changes what we look after of a secret, if that is still as the plan saw it.
func (k *Client) changeSecret(ctx context.Context, c plan.Change) error {
	t := targetOf(c.ID)
	o, err := k.get(ctx, t)
	if err != nil && !errors.Is(err, errMissing) {
		return err
	}
	var live plan.Live
	if o != nil {
		if live, err = o.secret(); err != nil {
			return err
		}
	}
	switch {
	case live.Obstacle != "":
		return &ChangedError{live.Obstacle}
	case !render.Same(live.Data, c.Before):
		return &ChangedError{"it is not as it was when the plan was made"}
	case c.After == nil:
		return k.remove(ctx, t, o)
	}
	after, err := render.DecodePullSecret(c.After)
	if err != nil {
		return err
	}
	if o != nil {
		o.take(after)
		return k.update(ctx, t, o)
	}
	o = object{
		"apiVersion": "v1", "kind": "Secret", "type": dockerConfigType,
		"metadata": map[string]any{"name": t.name, "namespace": t.namespace},
	}
	o.take(after)
	err = k.create(ctx, t, o)
	if errors.Is(err, errMissing) {
		return fmt.Errorf("namespace %q is not there", t.namespace)
	}
	return err
}

// take puts what we look after into a secret. Its other labels and keys stay.
func (o object) take(p render.PullSecret) {
	o.set(p.ManagedBy, "metadata", "labels", managedByLabel)
	o.set(p.Owner, "metadata", "labels", OwnerLabel)
	o.set(base64.StdEncoding.EncodeToString(p.Config), "data", dockerConfigKey)
}
