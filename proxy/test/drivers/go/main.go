// pgx 5 through the proxy. Prints one JSON object per check.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

type check struct {
	name string
	run  func(ctx context.Context) error
}

var checks = []check{
	{"TLS with a verified certificate, and none without", checkTLS},
	{"numbers, dates and NULL there and back", with(checkRoundTrip)},
	{"arrays", with(checkArrays)},
	{"json and jsonb", with(checkJSON)},
	{"bytea", with(checkBytes)},
	{"a prepared statement, used again", with(checkPrepared)},
	{"a batch or pipeline", with(checkBatch)},
	{"an error in a batch leaves the session usable", with(checkBatchError)},
	{"COPY in and out", with(checkCopy)},
	{"a large result in portions", with(checkPortions)},
	{"cancel, then usable", checkCancel},
	{"an error inside a transaction, then rollback", with(checkFailedTransaction)},
	{"savepoints", with(checkSavepoints)},
	{"a commit is seen by another connection", with(checkCommit)},
	{"a refused table is 42501, then usable", with(checkRefusedTable)},
	{"a refused column is 42501, then usable", with(checkRefusedColumn)},
	{"a refusal inside a transaction fails it until rollback", with(checkRefusedInTransaction)},
	{"notifications", checkNotifications},
	{"reconnects after its connection was killed", checkReconnect},
	{"a wrong password is 28P01", checkWrongPassword},
	{"ten connections at once", checkMany},
}

func main() {
	for _, c := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		result := map[string]any{"name": c.name, "ok": true}
		if err := c.run(ctx); err != nil {
			result["ok"], result["error"] = false, err.Error()
		}
		cancel()
		line, _ := json.Marshal(result)
		fmt.Println(string(line))
	}
}

func connect(ctx context.Context, change func(*pgx.ConnConfig)) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(config)
	}
	return pgx.ConnectConfig(ctx, config)
}

func with(run func(context.Context, *pgx.Conn) error) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := connect(ctx, nil)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		return run(ctx, conn)
	}
}

func usable(ctx context.Context, conn *pgx.Conn) error {
	var count int
	if err := conn.QueryRow(ctx, "select count(*) from people").Scan(&count); err != nil {
		return err
	}
	return equal(count, 2)
}

func equal(seen, expected any) error {
	if !reflect.DeepEqual(seen, expected) {
		return fmt.Errorf("%v is not %v", seen, expected)
	}
	return nil
}

func sqlstate(err error, code string) error {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		return fmt.Errorf("not a PgError: %v", err)
	}
	return equal(failure.Code, code)
}

func checkTLS(ctx context.Context) error {
	settings := fmt.Sprintf("host=localhost port=%s sslmode=verify-full sslrootcert=%s", os.Getenv("PGPORT"), os.Getenv("CA_FILE"))
	conn, err := pgx.Connect(ctx, settings)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := usable(ctx, conn); err != nil {
		return err
	}
	_, err = pgx.Connect(ctx, fmt.Sprintf("host=localhost port=%s sslmode=verify-full", os.Getenv("PGPORT")))
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		return fmt.Errorf("an unknown authority: %v", err)
	}
	return nil
}

func checkRoundTrip(ctx context.Context, conn *pgx.Conn) error {
	at := time.Date(2024, 2, 29, 12, 34, 56, 789123000, time.UTC)
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	var price pgtype.Numeric
	if err := price.Scan("12345678.1234"); err != nil {
		return err
	}
	var (
		name      string
		seenPrice pgtype.Numeric
		seenDay   time.Time
		seenAt    time.Time
		ok        bool
		raw       *[]byte
	)
	row := conn.QueryRow(ctx, `insert into items (name, price, day, at, ok, raw) values ($1, $2, $3, $4, $5, $6)
		returning name, price, day, at, ok, raw`, "typed", price, day, at, true, nil)
	if err := row.Scan(&name, &seenPrice, &seenDay, &seenAt, &ok, &raw); err != nil {
		return err
	}
	value, _ := seenPrice.Value()
	return equal([]any{name, value, seenDay.UTC(), seenAt.UTC(), ok, raw == nil}, []any{"typed", "12345678.1234", day, at, true, true})
}

func checkArrays(ctx context.Context, conn *pgx.Conn) error {
	tags := []string{"a", `with "quotes", commas`, "ü"}
	var seen []string
	var counts []*int
	row := conn.QueryRow(ctx, "insert into items (name, tags, counts) values ('arrays', $1, $2) returning tags, counts", tags, []*int{new(int), nil})
	if err := row.Scan(&seen, &counts); err != nil {
		return err
	}
	if err := equal(seen, tags); err != nil {
		return err
	}
	return equal(counts[1] == nil && *counts[0] == 0, true)
}

func checkJSON(ctx context.Context, conn *pgx.Conn) error {
	document := map[string]any{"a": []any{1.0, "zwei", nil}, "nested": map[string]any{"deep": true}}
	var doc, plain map[string]any
	row := conn.QueryRow(ctx, "insert into items (name, doc, plain) values ('json', $1, $2) returning doc, plain", document, document)
	if err := row.Scan(&doc, &plain); err != nil {
		return err
	}
	return equal([]any{doc, plain}, []any{document, document})
}

func checkBytes(ctx context.Context, conn *pgx.Conn) error {
	raw := make([]byte, 1024)
	for i := range raw {
		raw[i] = byte(i)
	}
	var seen []byte
	if err := conn.QueryRow(ctx, "insert into items (name, raw) values ('raw', $1) returning raw", raw).Scan(&seen); err != nil {
		return err
	}
	return equal(bytes.Equal(seen, raw), true)
}

func checkPrepared(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Prepare(ctx, "by-id", "select id from people where id = $1"); err != nil {
		return err
	}
	for _, id := range []int{1, 2, 1} {
		var seen int
		if err := conn.QueryRow(ctx, "by-id", id).Scan(&seen); err != nil {
			return err
		}
		if err := equal(seen, id); err != nil {
			return err
		}
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		var seen int
		if err := conn.QueryRow(ctx, "select id from people where id = $1", mode, 2).Scan(&seen); err != nil {
			return err
		}
	}
	return conn.Deallocate(ctx, "by-id")
}

func checkBatch(ctx context.Context, conn *pgx.Conn) error {
	batch := &pgx.Batch{}
	sum := 0
	for n := range 50 {
		batch.Queue("select $1::int, id from people where id = 1", n).QueryRow(func(row pgx.Row) error {
			var seen, id int
			err := row.Scan(&seen, &id)
			sum += seen
			return err
		})
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return equal(sum, 49*50/2)
}

func checkBatchError(ctx context.Context, conn *pgx.Conn) error {
	for text, code := range map[string]string{"select 1/0": "22012", "select word from secrets": "42501"} {
		batch := &pgx.Batch{}
		batch.Queue("select 1")
		batch.Queue(text)
		batch.Queue("select 2")
		if err := sqlstate(conn.SendBatch(ctx, batch).Close(), code); err != nil {
			return err
		}
		if err := usable(ctx, conn); err != nil {
			return err
		}
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	pipeline.SendQueryParams("select word from secrets", nil, nil, nil, nil)
	pipeline.SendPipelineSync()
	pipeline.SendQueryParams("select 2", nil, nil, nil, nil)
	if err := pipeline.Sync(); err != nil {
		return err
	}
	if _, err := pipeline.GetResults(); sqlstate(err, "42501") != nil {
		return fmt.Errorf("in a pipeline: %v", err)
	}
	if err := pipeline.Close(); err != nil {
		return err
	}
	return usable(ctx, conn)
}

func checkCopy(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "truncate bulk"); err != nil {
		return err
	}
	rows := make([][]any, 5000)
	for n := range rows {
		rows[n] = []any{n, fmt.Sprintf("payload %d", n)}
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"bulk"}, []string{"id", "payload"}, pgx.CopyFromRows(rows))
	if err != nil {
		return err
	}
	if err := equal(count, int64(5000)); err != nil {
		return err
	}
	var out bytes.Buffer
	tag, err := conn.PgConn().CopyTo(ctx, &out, "copy bulk to stdout")
	if err != nil {
		return err
	}
	if err := equal([]any{tag.String(), strings.Count(out.String(), "\n")}, []any{"COPY 5000", 5000}); err != nil {
		return err
	}
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("1\tx\n"), "copy secrets from stdin")
	if err := sqlstate(err, "42501"); err != nil {
		return err
	}
	return usable(ctx, conn)
}

func checkPortions(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, "select n, repeat('x', 500) from generate_series(1, 20000) n")
	if err != nil {
		return err
	}
	sum, n, text := 0, 0, ""
	if _, err := pgx.ForEachRow(rows, []any{&n, &text}, func() error { sum += n; return nil }); err != nil {
		return err
	}
	if err := equal(sum, 20000*20001/2); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "declare c cursor for select n from generate_series(1, 100) n"); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, "fetch 30 from c")
		seen, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return err
		}
		return equal(len(seen), 30)
	})
}

// checkCancel lets the context's end send a CancelRequest, and keeps the connection.
func checkCancel(ctx context.Context) error {
	conn, err := connect(ctx, func(config *pgx.ConnConfig) {
		config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
			return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
		}
	})
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = conn.Exec(short, "select pg_sleep(30)")
	if err := sqlstate(err, "57014"); err != nil {
		return err
	}
	return usable(ctx, conn)
}

func checkFailedTransaction(ctx context.Context, conn *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for range 2 {
			if _, err := tx.Exec(ctx, "insert into bulk values (-1, 'gone')"); err != nil {
				return err
			}
		}
		return nil
	})
	if err := sqlstate(err, "23505"); err != nil {
		return err
	}
	return count(ctx, conn, "select count(*) from bulk where id = -1", 0)
}

func count(ctx context.Context, conn *pgx.Conn, text string, expected int) error {
	var seen int
	if err := conn.QueryRow(ctx, text).Scan(&seen); err != nil {
		return err
	}
	return equal(seen, expected)
}

func checkSavepoints(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "insert into bulk values (-2, 'stays')"); err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
		_, err := inner.Exec(ctx, "select 1/0")
		return err
	})
	if err := sqlstate(err, "22012"); err != nil {
		return err
	}
	if err := count(ctx, conn, "select count(*) from bulk where id = -2", 1); err != nil {
		return err
	}
	return tx.Rollback(ctx)
}

func checkCommit(ctx context.Context, conn *pgx.Conn) error {
	other, err := connect(ctx, nil)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	const seen = "select count(*) from bulk where id = -3"
	if _, err := conn.Exec(ctx, "delete from bulk where id = -3"); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "insert into bulk values (-3, 'seen')"); err != nil {
		return err
	}
	if err := count(ctx, other, seen, 0); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	return count(ctx, other, seen, 1)
}

func refuse(ctx context.Context, conn *pgx.Conn, texts ...string) error {
	for _, text := range texts {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			_, err := conn.Exec(ctx, text, mode)
			if err := sqlstate(err, "42501"); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
	}
	return usable(ctx, conn)
}

func checkRefusedTable(ctx context.Context, conn *pgx.Conn) error {
	return refuse(ctx, conn, "select * from secrets", "insert into secrets values (2, 'x')")
}

func checkRefusedColumn(ctx context.Context, conn *pgx.Conn) error {
	return refuse(ctx, conn, "select ssn from people", "select * from people")
}

func checkRefusedInTransaction(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "select word from secrets")
	if err := sqlstate(err, "42501"); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "select 1")
	if err := sqlstate(err, "25P02"); err != nil {
		return err
	}
	if err := tx.Rollback(ctx); err != nil {
		return err
	}
	return usable(ctx, conn)
}

func checkNotifications(ctx context.Context) error {
	conn, err := connect(ctx, func(config *pgx.ConnConfig) { config.User = os.Getenv("BOSS_USER") })
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, text := range []string{"listen news", "select pg_notify('news', 'hello')"} {
		if _, err := conn.Exec(ctx, text); err != nil {
			return err
		}
	}
	heard, err := conn.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	return equal([]string{heard.Channel, heard.Payload}, []string{"news", "hello"})
}

func checkReconnect(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, "")
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := pool.Ping(ctx); err != nil {
		return err
	}
	superuser, err := pgx.Connect(ctx, os.Getenv("SUPERUSER_URL"))
	if err != nil {
		return err
	}
	defer superuser.Close(ctx)
	if _, err := superuser.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop_login'"); err != nil {
		return err
	}
	for range 20 {
		var name string
		if err = pool.QueryRow(ctx, "select name from people where id = 1").Scan(&name); err == nil {
			return equal(name, "ada")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func checkWrongPassword(ctx context.Context) error {
	_, err := connect(ctx, func(config *pgx.ConnConfig) { config.Password = "wrong" })
	return sqlstate(err, "28P01")
}

func checkMany(ctx context.Context) error {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return err
	}
	config.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	failures := make(chan error, 50)
	for range 50 {
		go func() {
			var n int
			failures <- pool.QueryRow(ctx, "select count(*) from people").Scan(&n)
		}()
	}
	for range 50 {
		if err := <-failures; err != nil {
			return err
		}
	}
	return nil
}
