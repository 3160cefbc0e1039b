package render

import (
	"fmt"
	"slices"
)

// The keys of daemon.json that are partly ours. dockerd takes new values of both on SIGHUP.
const (
	insecureKey = "insecure-registries"
	mirrorsKey  = "registry-mirrors"
)

// proposeJSON puts the values of body, an object of lists of strings, into the lists of live, where they are not there yet.
// What stands there stays, in its order and layout. The error is a *spec.Problem with line and column.
func proposeJSON(live, body []byte) ([]byte, error) {
	ours, err := jsonLists(body)
	if err != nil {
		return nil, fmt.Errorf("our own part: %w", err)
	}
	if live == nil {
		live = []byte("{}\n")
	}
	for _, want := range ours {
		if live, err = addValues(live, want); err != nil {
			return nil, err
		}
	}
	return live, nil
}

// addValues puts the values that are missing into one list.
func addValues(live []byte, want jsonList) ([]byte, error) {
	obj, err := scanObject(live)
	if err != nil {
		return nil, err
	}
	have, err := jsonStrings(live, obj, want.key)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, v := range have {
		known[foldValue(want.key, v)] = true
	}
	var missing []string
	for _, v := range want.values {
		if !known[foldValue(want.key, v)] {
			known[foldValue(want.key, v)] = true
			missing = append(missing, v)
		}
	}
	if len(missing) == 0 {
		return live, nil
	}
	if m := obj.member(want.key); m != nil {
		return addElems(live, obj, m.value, missing), nil
	}
	return addMember(live, obj, want.key, missing), nil
}

// withdrawJSON takes the values of body out of live that before does not have, and a key that is empty then and that before does
// not have either. The result is nil where before is, and nothing of others is left.
func withdrawJSON(live, before, body []byte) ([]byte, error) {
	if live == nil {
		return nil, nil
	}
	if next, err := proposeJSON(before, body); err == nil && string(next) == string(live) {
		return before, nil
	}
	ours, err := jsonLists(body)
	if err != nil {
		return nil, fmt.Errorf("our own part: %w", err)
	}
	was, err := scanObject(before)
	if err != nil {
		was = jsonValue{} // nothing can have been there that we might have to keep
	}
	for _, want := range ours {
		if live, err = dropValues(live, before, was, want); err != nil {
			return nil, err
		}
	}
	if obj, err := scanObject(live); err == nil && len(obj.members) == 0 && len(was.members) == 0 {
		return before, nil
	}
	return live, nil
}

// dropValues takes our values out of one list. A value that is no list is not what we wrote, and stays.
func dropValues(live, before []byte, was jsonValue, want jsonList) ([]byte, error) {
	obj, err := scanObject(live)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(obj.members, func(m jsonMember) bool { return m.name.text == want.key })
	if i < 0 || obj.members[i].value.kind(live) != '[' {
		return live, nil
	}
	var theirs []string
	if had := was.member(want.key); had != nil {
		for _, e := range had.value.elems {
			theirs = append(theirs, e.text)
		}
	}
	list, left := obj.members[i].value, 0
	spans, drop := make([]jsonSpan, len(list.elems)), make([]bool, len(list.elems))
	for j, e := range list.elems {
		spans[j] = jsonSpan{e.start, e.end}
		drop[j] = e.kind(live) == '"' && slices.Contains(want.values, e.text) && !slices.Contains(theirs, e.text)
		if !drop[j] {
			left++
		}
	}
	switch {
	case left == len(list.elems) && left > 0:
		return live, nil
	case left > 0 || was.member(want.key) != nil:
		return cut(live, list.start+1, list.end-1, spans, drop), nil
	}
	members := make([]jsonSpan, len(obj.members))
	for j, m := range obj.members {
		members[j] = jsonSpan{m.name.start, m.value.end}
	}
	gone := make([]bool, len(members))
	gone[i] = true
	return cut(live, obj.start+1, obj.end-1, members, gone), nil
}

// DaemonInterim gives what must stand in daemon.json while dockerd reloads it, before next is written: dockerd keeps the value
// of a key that has gone from the file, but takes an empty list (seen on 20.10 and 29). It is nil where next itself will do. A
// nil next is a file that goes away.
func DaemonInterim(live, next []byte) []byte {
	had, err := scanObject(live)
	if err != nil {
		return nil
	}
	interim, changed := next, false
	if next == nil {
		interim = []byte("{}\n")
	}
	for _, key := range []string{insecureKey, mirrorsKey} {
		obj, err := scanObject(interim)
		if err != nil {
			return nil
		}
		if m := had.member(key); m == nil || len(m.value.elems) == 0 || obj.member(key) != nil {
			continue
		}
		interim, changed = addMember(interim, obj, key, nil), true
	}
	if !changed {
		return nil
	}
	return interim
}

// jsonList is one key with a list of strings.
type jsonList struct {
	key    string
	values []string
}

// jsonLists reads an object of lists of strings, in its order.
func jsonLists(data []byte) ([]jsonList, error) {
	obj, err := scanObject(data)
	if err != nil {
		return nil, err
	}
	var lists []jsonList
	for _, m := range obj.members {
		values, err := jsonStrings(data, obj, m.name.text)
		if err != nil {
			return nil, err
		}
		lists = append(lists, jsonList{m.name.text, values})
	}
	return lists, nil
}

// scanObject reads data, which must hold an object.
func scanObject(data []byte) (jsonValue, error) {
	v, err := scanJSON(data)
	if err != nil {
		return v, err
	}
	if v.kind(data) != '{' {
		return v, jsonProblem(data, v.start, "the JSON is no object", "put it between { and }")
	}
	return v, nil
}

// stringList gives the values of the list at key; nil where obj has no such key.
func jsonStrings(data []byte, obj jsonValue, key string) ([]string, error) {
	var found *jsonMember
	for i, m := range obj.members {
		if m.name.text != key {
			continue
		}
		if found != nil {
			return nil, jsonProblem(data, m.name.start, fmt.Sprintf("the key %q stands here a second time", key), "merge the two lists: dockerd reads only the last")
		}
		found = &obj.members[i]
	}
	if found == nil {
		return nil, nil
	}
	if found.value.kind(data) != '[' {
		return nil, jsonProblem(data, found.value.start, fmt.Sprintf("%q is no list", key), `write it as ["…"]`)
	}
	var values []string
	for _, e := range found.value.elems {
		if e.kind(data) != '"' {
			return nil, jsonProblem(data, e.start, fmt.Sprintf("%q holds something that is no string", key), "put it in double quotes, or take it out")
		}
		values = append(values, e.text)
	}
	return values, nil
}
