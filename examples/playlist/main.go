// Playlist is a sorted feed with somebody who follows it: songs are appended, put
// between others, moved and taken out, and a second list is kept up to date by the
// events alone. It needs no Redis: it brings an embedded one.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/embedded"
	"github.com/thoonk-go/thoonk/engine"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	srv, err := embedded.Start()
	if err != nil {
		return err
	}
	defer srv.Close()
	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()})
	if err != nil {
		return err
	}
	defer eng.Close(ctx)

	list, err := eng.Sorted(ctx, "party", sorted.Config{Title: "Saturday"})
	if err != nil {
		return err
	}
	first, err := list.Append(ctx, []byte("Blue Monday"))
	if err != nil {
		return err
	}

	// Whoever comes now gets what is there, and then what happens.
	sub, err := list.Follow(ctx, sorted.FollowOptions{Snapshot: true})
	if err != nil {
		return err
	}
	defer sub.Close()
	var screen display
	show := func(until sorted.EventKind) error {
		for e := range sub.Events() {
			screen.apply(e)
			fmt.Fprintf(out, "%-21s %s\n", describe(e), screen)
			if e.Kind == until {
				return nil
			}
		}
		return sub.Err()
	}
	if err := show(sorted.Synced); err != nil {
		return err
	}
	if err := edit(ctx, list, first); err != nil {
		return err
	}
	if err := show(sorted.Retracted); err != nil {
		return err
	}

	for song, err := range list.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s. %s\n", song.ID, song.Body)
	}
	return nil
}

// edit changes the list in every way there is.
func edit(ctx context.Context, list *sorted.Sorted, first string) error {
	heroes, err := list.Append(ctx, []byte("Heroes"))
	if err != nil {
		return err
	}
	atlantis, err := list.Insert(ctx, []byte("Atlantis"), sorted.Before(heroes))
	if err != nil {
		return err
	}
	if err := list.Move(ctx, first, sorted.Last); err != nil {
		return err
	}
	if err := list.Edit(ctx, heroes, []byte("Helden")); err != nil {
		return err
	}
	return list.Retract(ctx, atlantis)
}

// A display shows the list as the events tell it.
type display struct {
	ids    []string
	titles map[string]string
}

func (d *display) apply(e sorted.Event) {
	switch e.Kind {
	case sorted.Lagged, sorted.Deleted: // a new snapshot follows, or nothing is left
		*d = display{}
	case sorted.Snapshot:
		d.title(e)
		d.ids = append(d.ids, e.ID)
	case sorted.Published:
		d.title(e)
		d.put(e)
	case sorted.Edited:
		d.title(e)
	case sorted.Moved:
		d.remove(e.ID)
		d.put(e)
	case sorted.Retracted:
		d.remove(e.ID)
	}
}

func (d *display) title(e sorted.Event) {
	if d.titles == nil {
		d.titles = map[string]string{}
	}
	d.titles[e.ID] = string(e.Body)
}

func (d *display) put(e sorted.Event) {
	at := len(d.ids)
	if id, ok := e.Position.Before(); ok {
		at = slices.Index(d.ids, id)
	} else if id, ok := e.Position.After(); ok {
		at = slices.Index(d.ids, id) + 1
	} else if e.Position == sorted.First {
		at = 0
	}
	d.ids = slices.Insert(d.ids, max(at, 0), e.ID)
}

func (d *display) remove(id string) {
	d.ids = slices.DeleteFunc(d.ids, func(other string) bool { return other == id })
}

func (d display) String() string {
	var titles []string
	for _, id := range d.ids {
		titles = append(titles, d.titles[id])
	}
	return strings.Join(titles, ", ")
}

func describe(e sorted.Event) string {
	switch e.Kind {
	case sorted.Published, sorted.Moved:
		return fmt.Sprintf("%s %s %s", e.Kind, e.ID, e.Position)
	default:
		return strings.TrimSpace(fmt.Sprintf("%s %s", e.Kind, e.ID))
	}
}
