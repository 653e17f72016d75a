//! The program listens on the ports that it prints, and on no other; and its log has the form that was asked for.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// The running program. Dropping it kills the program.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The ports in a line such as `listening on http://127.0.0.1:3000`.
fn ports_in(line: &str) -> Vec<u16> {
    let after = line.split("127.0.0.1:").skip(1);
    after.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()).collect()
}

/// The sockets that the process has open, by their inodes.
fn sockets(pid: u32) -> BTreeSet<String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    let inode = |link: String| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    links.filter_map(|link| inode(link.to_string_lossy().into_owned())).collect()
}

/// The TCP ports that the process listens on, with their addresses as the kernel writes them.
fn listening_ports(pid: u32) -> BTreeSet<(String, u16)> {
    let own = sockets(pid);
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    // State 0A is LISTEN; the tenth field is the inode.
    let listens = fields.filter(|fields| fields[3] == "0A" && own.contains(fields[9]));
    listens
        .map(|fields| {
            let (address, port) = fields[1].split_once(':').unwrap();
            (address.to_owned(), u16::from_str_radix(port, 16).unwrap())
        })
        .collect()
}

/// The first line of the log that has this text, after a request without a token.
fn logged(options: &[&str], text: &str) -> String {
    let program = Command::new(env!("CARGO_BIN_EXE_local-gateway"))
        .args(["--port", "0"])
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut program = Program(program.unwrap());
    let mut first = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", ports_in(&first)[0])).unwrap();
    stream.write_all(b"GET /api/orders HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    stream.read_to_string(&mut first).unwrap();
    let log = BufReader::new(program.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    log.into_iter().find(|line| line.contains(text)).unwrap()
}

#[test]
fn the_log_is_json_in_a_pipe_and_lines_without_colours_on_demand() {
    let line: serde_json::Value = serde_json::from_str(&logged(&[], "request handled")).unwrap();
    assert_eq!((&line["route"], &line["code"]), (&"GET /api/orders".into(), &"UNAUTHORIZED".into()));
    let line = logged(&["--log", "text"], "GET /api/orders");
    assert!(line.contains("anybody  GET /api/orders") && line.contains("401 UNAUTHORIZED"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
}

#[test]
fn only_the_printed_ports_are_open_and_only_on_127_0_0_1() {
    let program = Command::new(env!("CARGO_BIN_EXE_local-gateway"))
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut program = Program(program.unwrap());
    let lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let head = lines.map(Result::unwrap).take_while(|line| !line.is_empty());
    let printed: BTreeSet<u16> = head.flat_map(|line| ports_in(&line)).collect();
    assert_eq!(printed.len(), 6, "the API, WeChat, WeChat Pay, DynamoDB, Lambda and S3");
    let open = listening_ports(program.0.id());
    assert!(open.iter().all(|(address, _)| address == "0100007F"), "127.0.0.1 alone: {open:?}");
    assert_eq!(open.into_iter().map(|(_, port)| port).collect::<BTreeSet<_>>(), printed);
}
