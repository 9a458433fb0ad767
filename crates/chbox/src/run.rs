//! One query, from its text to its last row, on a thread of its own.

use crate::access::Role;
use crate::answer::{Answer, Failure};
use crate::chunks::Shape;
use crate::engine::{Engine, Marked};
use crate::external::{self, External};
use crate::fault::{Fault, Raised};
use crate::ffi::{Class, Connection, Params, Rows};
use crate::multipart;
use crate::packing::{self, BodyReader};
use crate::request::Request;
use crate::sessions::Sessions;
use crate::statement::{self, InsertText, Statement};
use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The longest statement, without row data.
const MAX_TEXT: usize = 1 << 20;
/// The longest form: fields and external tables are held in memory.
const MAX_FORM: u64 = 64 << 20;
/// How far into a body a statement that began in the URL may go on.
const MAX_TAIL: u64 = 64 << 10;
const APPEND: usize = 256 << 10;

/// A query and everything needed to run it.
pub(crate) struct Job {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) role: Role,
    /// GET never changes anything.
    pub(crate) get: bool,
    pub(crate) request: Request,
    /// The boundary when the body is a form.
    pub(crate) form: Option<String>,
    pub(crate) body: BodyReader,
    /// Told to whoever may have to end the query.
    pub(crate) mark: Arc<OnceLock<String>>,
    /// Set when the query is done, whatever became of its answer.
    pub(crate) over: Over,
}

/// Says that a query is done when dropped, even by a panic.
pub(crate) struct Over(pub(crate) Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A statement and the row data behind it.
struct Text {
    sql: Vec<u8>,
    statement: Statement,
    data: Box<dyn Read + Send>,
}

impl Job {
    /// Runs the query and sends all of its answer.
    pub(crate) fn run(self, mut answer: Answer) {
        let engine = self.engine.clone();
        // The query is over before its answer's last byte is sent, so that a client which leaves
        // then ends nothing.
        match self.execute(&mut answer) {
            Ok(()) => answer.finish(),
            Err(Failure::Fault(fault)) => answer.fail(fault, &engine.version),
            Err(Failure::Gone) => {}
        }
    }

    fn execute(mut self, answer: &mut Answer) -> Result<(), Failure> {
        let (no_more, closed) = tokio::sync::mpsc::channel(1);
        drop(no_more);
        let body = std::mem::replace(&mut self.body, BodyReader::new(closed));
        let mut body = packing::unpacked(&self.request, body)?;
        let mut tables = Vec::new();
        if let Some(boundary) = self.form.take() {
            tables = external::sort(read_form(&mut body, &boundary)?, &mut self.request)?;
            body = Box::new(io::empty());
        }
        let text = read_text(&self.request, body)?;
        let held = match &self.request.session {
            Some(session) => self.sessions.take(self.role, session)?,
            None => None,
        };
        let opened = match held {
            Some(mut marked) => self.engine.mark_again(&mut marked).map(|()| marked),
            None => self.engine.open(self.role),
        };
        let (outcome, marked) = match opened {
            Ok(mut marked) => (self.on_connection(&mut marked, text, &tables, answer), Some(marked)),
            Err(fault) => (Err(fault.into()), None),
        };
        if let Some(session) = &self.request.session {
            self.sessions.put(self.role, session, marked);
        }
        drop(self.over);
        outcome
    }

    fn on_connection(
        &self,
        marked: &mut Marked,
        text: Text,
        tables: &[External],
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        // Set once, before anything of the query runs.
        let _already = self.mark.set(marked.mark.clone());
        let back_to = if self.role == Role::Reader { "SET ROLE reader" } else { "SET ROLE service" };
        external::create(marked, tables, back_to)?;
        let connection = &mut marked.connection;
        if let Some(database) = &self.request.database {
            let params = Params(vec![("database".into(), database.clone())]);
            connection.query(b"USE {database:Identifier}", "Null", &params).map_err(Fault::engine)?;
        }
        self.may_run(connection, &text.sql)?;
        let settings = self.settings()?;
        let before = if self.request.session.is_some() { current(connection, &settings)? } else { Vec::new() };
        let outcome = set(connection, &settings).and_then(|()| self.statement(connection, text, answer));
        set(connection, &before)?;
        outcome
    }

    fn may_run(&self, connection: &mut Connection, sql: &[u8]) -> Result<(), Fault> {
        if self.role == Role::Service && !self.get {
            return Ok(());
        }
        let (count, class) = connection.classify(sql);
        if self.role == Role::Reader {
            self.engine.screen.pass(sql, count, class, self.request.session.is_some())
        } else if matches!(class, Class::Mutating | Class::Control) {
            Err(Fault::raise(
                Raised::Readonly,
                "Cannot execute query in readonly mode: method GET implies readonly, use POST",
            ))
        } else {
            Ok(())
        }
    }

    fn settings(&self) -> Result<Vec<(String, String)>, Fault> {
        let mut settings = Vec::new();
        for (name, value) in &self.request.settings {
            let value = match self.role {
                Role::Service => Some(value.clone()),
                Role::Reader => self.engine.screen.url_setting(name, value)?,
            };
            settings.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(settings)
    }

    fn statement(&self, connection: &mut Connection, text: Text, answer: &mut Answer) -> Result<(), Failure> {
        let params = Params(self.request.params.clone());
        let default = self.request.default_format.as_deref();
        match text.statement {
            Statement::Insert(insert) => {
                answer.in_format(default.unwrap_or("TabSeparated"));
                let format = insert.format.as_deref().or(default).unwrap_or("Values");
                store(connection, &insert.head, format, &params, text.data, answer)
            }
            Statement::Whole { format, at_once } => {
                let default = default.unwrap_or("TabSeparated");
                let format = format.as_deref().unwrap_or(default);
                answer.in_format(format);
                let at_once =
                    at_once || self.request.settings.iter().any(|(name, _)| statement::wants_all_at_once(name));
                let shape = if at_once { Shape::Document } else { Shape::of(format) };
                ask(connection, &text.sql, default, &params, shape, answer)
            }
        }
    }
}

fn read_form(body: &mut Box<dyn Read + Send>, boundary: &str) -> Result<Vec<multipart::Part>, Failure> {
    let mut form = Vec::new();
    body.take(MAX_FORM + 1).read_to_end(&mut form).map_err(packing::broken)?;
    if form.len() as u64 > MAX_FORM {
        return Err(Fault::raise(Raised::QueryTooLarge, format!("The form is longer than {MAX_FORM} bytes")).into());
    }
    Ok(multipart::parts(&form, boundary)?)
}

/// The statement begins in the URL, or in the body when the URL has none.
fn read_text(request: &Request, mut body: Box<dyn Read + Send>) -> Result<Text, Failure> {
    let mut sql = request.query.clone().into_bytes();
    if let Statement::Insert(insert) = statement::read(&sql)
        && (insert.format.is_some() || request.default_format.is_some())
    {
        return Ok(with_data(sql, insert, body));
    }
    let limit = if sql.is_empty() { MAX_TEXT as u64 + 1 } else { MAX_TAIL };
    let from_url = sql.len();
    if from_url > 0 {
        sql.push(b'\n');
    }
    body.by_ref().take(limit).read_to_end(&mut sql).map_err(packing::broken)?;
    if from_url > 0 && sql.len() == from_url + 1 {
        sql.pop();
    }
    match statement::read(&sql) {
        Statement::Insert(insert) => Ok(with_data(sql, insert, body)),
        _ if sql.len() > MAX_TEXT => Err(Fault::raise(
            Raised::SyntaxError,
            format!("Max query size exceeded: a statement is at most {MAX_TEXT} bytes"),
        )
        .into()),
        _ if sql.iter().all(u8::is_ascii_whitespace) => {
            Err(Fault::raise(Raised::SyntaxError, "Syntax error: empty query").into())
        }
        statement => Ok(Text { sql, statement, data: Box::new(io::empty()) }),
    }
}

fn with_data(sql: Vec<u8>, insert: InsertText, body: Box<dyn Read + Send>) -> Text {
    let begun = sql.get(insert.data_at..).unwrap_or_default().to_vec();
    let sql = sql.get(..insert.data_at).unwrap_or_default().to_vec();
    Text { sql, statement: Statement::Insert(insert), data: Box::new(Cursor::new(begun).chain(body)) }
}

/// Streams row data into a table. Data that ends too early, or does not parse, leaves nothing of
/// its last block.
fn store(
    connection: &mut Connection,
    head: &[u8],
    format: &str,
    params: &Params,
    mut data: Box<dyn Read + Send>,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let mut insert = connection.insert(head, format, params).map_err(Fault::engine)?;
    let mut buffer = vec![0; APPEND];
    loop {
        let length = data.read(&mut buffer).map_err(packing::broken)?;
        if length == 0 {
            break;
        }
        insert.append(buffer.get(..length).unwrap_or_default()).map_err(Fault::engine)?;
    }
    let counts = insert.done().map_err(Fault::engine)?;
    answer.write(&[], counts)
}

/// Asks a question. Rows come in chunks; a document comes at once, and so does what the engine
/// cannot stream.
fn ask(
    connection: &mut Connection,
    sql: &[u8],
    format: &str,
    params: &Params,
    shape: Shape,
    answer: &mut Answer,
) -> Result<(), Failure> {
    if shape != Shape::Document {
        match connection.stream(sql, format, params) {
            Ok(rows) => return flow(rows, shape, answer),
            Err(message) if message.contains("Streaming query is not supported for query") => {}
            Err(message) => return Err(Fault::engine(message).into()),
        }
    }
    let chunk = connection.query(sql, format, params).map_err(Fault::engine)?;
    answer.write(chunk.bytes(), chunk.counts())
}

fn flow(mut rows: Rows<'_>, shape: Shape, answer: &mut Answer) -> Result<(), Failure> {
    let mut first = true;
    while let Some(chunk) = rows.next().map_err(Fault::engine)? {
        let bytes = if first { Some(chunk.bytes()) } else { shape.without_header(chunk.bytes()) };
        let bytes = bytes.ok_or_else(|| Fault::raise(Raised::Internal, "A chunk's header is not as expected"))?;
        answer.write(bytes, chunk.counts())?;
        first = false;
    }
    Ok(())
}

/// Changes settings of a connection; names are words, checked when the request was read.
fn set(connection: &mut Connection, settings: &[(String, String)]) -> Result<(), Failure> {
    for (name, value) in settings {
        let sql = format!("SET {name} = {}", literal(value));
        connection.query(sql.as_bytes(), "Null", &Params::default()).map_err(Fault::engine)?;
    }
    Ok(())
}

/// What the named settings are now, so that a session gets them back.
fn current(connection: &mut Connection, settings: &[(String, String)]) -> Result<Vec<(String, String)>, Failure> {
    let mut before = Vec::new();
    for (name, _) in settings {
        let params = Params(vec![("name".into(), name.clone())]);
        let chunk =
            connection.query(b"SELECT value FROM system.settings WHERE name = {name:String}", "TSVRaw", &params);
        let chunk = chunk.map_err(Fault::engine)?;
        if let Some(value) = std::str::from_utf8(chunk.bytes()).ok().and_then(|text| text.strip_suffix('\n')) {
            before.push((name.clone(), value.to_owned()));
        }
    }
    Ok(before)
}

/// A string literal of ClickHouse's SQL.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}
