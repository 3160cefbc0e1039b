package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RefusedError says that the API server does not let us do something.
type RefusedError struct {
	User, Verb, Resource, Namespace, Name string
}

func (e *RefusedError) Error() string {
	who := "we"
	if e.User != "" {
		who = fmt.Sprintf("%q", e.User)
	}
	what := e.Resource
	if e.Name != "" {
		what += fmt.Sprintf(" %q", e.Name)
	}
	where := "in the cluster"
	if e.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", e.Namespace)
	}
	return fmt.Sprintf("%s may not %s %s %s", who, e.Verb, what, where)
}

// Hint says what would help.
func (e *RefusedError) Hint() string {
	if e.Namespace == "" {
		return fmt.Sprintf("a ClusterRole with the verb %s for %s allows it", e.Verb, e.Resource)
	}
	return fmt.Sprintf("a Role in %s with the verb %s for %s allows it", e.Namespace, e.Verb, e.Resource)
}

// ChangedError says that an object is no longer as the plan saw it.
type ChangedError struct{ Why string }

func (e *ChangedError) Error() string { return e.Why }

// UnansweredError says that the API server may have made a change, and did not come to say so.
type UnansweredError struct{ err error }

func (e *UnansweredError) Error() string { return e.err.Error() }

func (e *UnansweredError) Unwrap() error { return e.err }

// errors that are decided on here, and go no further
var (
	errMissing  = errors.New("is not there")
	errConflict = errors.New("somebody else has changed it")
)

// problem makes an error of the API server, or of the way to it, one of ours.
func (k *Client) problem(err error, verb string, t target) error {
	switch {
	case err == nil:
		return nil
	case apierrors.HasStatusCause(err, metav1.CauseType("NamespaceTerminating")):
		return fmt.Errorf("namespace %q is being deleted", t.namespace)
	case apierrors.IsForbidden(err):
		if verb == "create" {
			t.name = "" // no role can name what is not there yet
		}
		return &RefusedError{User: user(err), Verb: verb, Resource: t.resource, Namespace: t.namespace, Name: t.name}
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", errMissing, err)
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%w: %w", errConflict, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server %s does not know who we are: the kubeconfig is of another cluster, or has run out", k.host)
	}
	answer := apierrors.APIStatus(nil)
	unanswered := !errors.As(err, &answer) || answer.Status().Code >= http.StatusInternalServerError
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // the address is said already
	}
	err = fmt.Errorf("asking the API server %s: %w", k.host, err)
	if unanswered && slices.Contains([]string{"create", "update", "delete"}, verb) {
		err = &UnansweredError{err}
	}
	return err
}

// user is as whom the API server knows us: its words are User "NAME" cannot VERB resource ….
func user(err error) string {
	_, rest, found := strings.Cut(err.Error(), `User "`)
	name, _, ended := strings.Cut(rest, `"`)
	if !found || !ended {
		return ""
	}
	return name
}
