package spec

import (
	"reflect"
	"strconv"
	"strings"
)

// setDefaults sets the fields of a struct, and of the structs in it, that have a default tag.
func setDefaults(v reflect.Value) {
	sh := shapeOf(v.Type())
	for i := range sh.fields {
		f := &sh.fields[i]
		switch {
		case f.nested:
			setDefaults(v.FieldByIndex(f.index))
		case f.standard != "":
			setDefault(v.FieldByIndex(f.index), f.standard)
		}
	}
}

// setDefault sets one field. The tags are ours, so what does not fit is a fault of the program.
func setDefault(v reflect.Value, standard string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(standard)
	case reflect.Bool:
		v.SetBool(standard == "true")
	case reflect.Int:
		i, err := strconv.Atoi(standard)
		if err != nil {
			panic("default tag: " + err.Error())
		}
		v.SetInt(int64(i))
	case reflect.Slice:
		v.Set(reflect.ValueOf(strings.Split(standard, ",")))
	default:
		panic("default tag on a " + v.Type().String())
	}
}
