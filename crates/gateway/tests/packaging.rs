//! What the program is shipped with: held to the program, as far as that goes without what it is made for.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nuncio::config::{ConnectionLimits, Timeouts};
use program::{Running, key, nuncio, port};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap()
}

fn yaml<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).map_err(|error| error.to_string()).unwrap()
}

/// A folder in the place of a container's root.
fn root(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packaging").join(name);
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    root
}

/// The program knows these arguments: the command, and each flag before the last, which asks for help alone.
fn knows(arguments: &[&str]) {
    let output = nuncio().args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn get(admin: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", admin)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[derive(Deserialize)]
struct Compose {
    services: HashMap<String, Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    build: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    healthcheck: Option<Disabled>,
    stop_grace_period: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disabled {
    disable: bool,
}

#[derive(Deserialize)]
struct Prometheus {
    scrape_configs: Vec<Scrape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrape {
    job_name: String,
    static_configs: Vec<Targets>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    targets: Vec<String>,
}

/// The gateway of the compose file starts from what is mounted there, and answers what its Prometheus asks.
#[test]
fn the_composed_gateway_is_watched_by_its_prometheus() {
    let Compose { services } = yaml(&read("docker-compose.yml"));
    for service in services.values() {
        assert!(service.depends_on.iter().all(|other| services.contains_key(other)), "{:?}", service.depends_on);
        if service.image == "nuncio" {
            assert_eq!(service.build.as_deref(), Some("."));
            assert!(service.read_only && service.cap_drop == ["ALL"]);
            assert_eq!(service.security_opt, ["no-new-privileges:true"]);
            knows(&service.command.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    // The image asks an admin listener whether it is healthy.
    assert!(services["plain"].healthcheck.as_ref().is_some_and(|check| check.disable));
    let prometheus = &services["prometheus"];
    assert!(prometheus.image.starts_with("prom/prometheus:v"), "{}", prometheus.image);
    assert_eq!(prometheus.volumes, ["./config/prometheus.yml:/etc/prometheus/prometheus.yml:ro"]);
    let Prometheus { scrape_configs } = yaml(&read("config/prometheus.yml"));
    let [Scrape { job_name, static_configs }] = &scrape_configs[..] else { panic!("one job") };
    assert_eq!(job_name, "nuncio");
    let target = static_configs[0].targets[0].strip_prefix("gateway:").unwrap();
    let gateway = &services["gateway"];
    assert!(gateway.ports.iter().all(|published| !published.contains(target)), "the admin listener is published");
    assert!(gateway.healthcheck.is_none());
    assert!(seconds(gateway.stop_grace_period.as_deref().unwrap()) > Timeouts::default().drain);

    let root = root("compose");
    for volume in &gateway.volumes {
        let [here, there, "ro"] = volume.split(':').collect::<Vec<_>>()[..] else { panic!("{volume}") };
        let there = root.join(there.strip_prefix('/').unwrap());
        std::fs::create_dir_all(&there).unwrap();
        for file in std::fs::read_dir(repository().join(here)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                std::fs::copy(&file, there.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    let (listen, admin) = (port(), port());
    let [run, config, file] = &gateway.command[..] else { panic!("{:?}", gateway.command) };
    let file = root.join(file.strip_prefix('/').unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    let published: Vec<&str> = gateway.ports.iter().map(|ports| ports.rsplit(':').next().unwrap()).collect();
    let [published] = published[..] else { panic!("one port") };
    for (from, to) in [(published, listen), (target, admin)] {
        assert!(text.contains(&format!("address: 0.0.0.0:{from}\n")), "{from}");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(&format!("0.0.0.0:{from}"), &format!("0.0.0.0:{to}"))).unwrap();
    }
    let mut program = nuncio();
    program.args([run, config]).arg(&file);
    let running = Running::start(program);
    let answer = get(admin, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\nnuncio_build_info{"), "{answer}");
    assert_eq!(running.stop(), Some(0));
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap())
}

/// The instructions of a Dockerfile, each with what stands behind it.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let lines = lines.replace("\\\n", " ");
    let split = |line: &str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()));
    lines.lines().filter(|line| !line.trim().is_empty()).map(|line| split(line).unwrap()).collect()
}

/// Whether `path` is left out of what a build is given: the last pattern that is about it or a folder above it decides.
fn ignored(path: &str) -> bool {
    let patterns = read(".dockerignore");
    let mut ignored = false;
    for pattern in patterns.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (pattern, keeps) = pattern.strip_prefix('!').map_or((pattern, false), |pattern| (pattern, true));
        let parts: Vec<&str> = pattern.split('/').collect();
        let own: Vec<&str> = path.split('/').collect();
        let is = own.len() >= parts.len() && parts.iter().zip(&own).all(|(part, own)| *part == "*" || part == own);
        if is {
            ignored = !keeps;
        }
    }
    ignored
}

/// The image is built of what there is, and runs without root, without a shell, by commands that the program knows.
#[test]
fn the_image_runs_what_the_program_knows() {
    let all = instructions(&read("Dockerfile"));
    let stages: Vec<usize> = all.iter().enumerate().filter(|(_, (name, _))| name == "FROM").map(|(at, _)| at).collect();
    let [0, last] = stages[..] else { panic!("two stages") };
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert_eq!(all[0].1, format!("rust:{version}-alpine AS build"));
    for (_, sources) in all.iter().filter(|(name, rest)| name == "COPY" && !rest.starts_with("--from")) {
        let sources: Vec<&str> = sources.split_whitespace().collect();
        for source in &sources[..sources.len() - 1] {
            assert!(repository().join(source).exists() && !ignored(source), "{source}");
        }
    }
    for (path, expected) in [
        ("crates/gateway/src/main.rs", false),
        ("tests/src/lib.rs", false),
        ("tests/keys/server.key", true),
        ("tests/recordings", true),
        ("crates/gateway/tests/packaging.rs", true),
        (".git/config", true),
        ("target/debug/nuncio", true),
    ] {
        assert_eq!(ignored(path), expected, "{path}");
    }
    let built = &all.iter().find(|(name, rest)| name == "RUN" && rest.contains("cargo build")).unwrap().1;
    assert!(built.contains("--release --locked --bin nuncio"), "{built}");

    let image: HashMap<&str, &str> = all[last..].iter().map(|(name, rest)| (&**name, &**rest)).collect();
    assert_eq!(image.len(), all[last..].len(), "each instruction once");
    assert!(!image.contains_key("RUN"), "there is no shell to run it");
    let (user, group) = image["USER"].split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "by number, as Kubernetes wants it");
    let program = image["COPY"].rsplit(' ').next().unwrap();
    let exec = |text: &str| -> Vec<String> { serde_json::from_str(text).unwrap() };
    assert_eq!(exec(image["ENTRYPOINT"]), [program]);
    let command = exec(image["CMD"]);
    knows(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let health = exec(image["HEALTHCHECK"].split_once("CMD ").unwrap().1);
    assert_eq!(health[0], program);
    knows(&health[1..].iter().map(String::as_str).collect::<Vec<_>>());
}

/// The unit is one that systemd takes, gives the service next to nothing, and leaves it the time that it needs.
#[test]
fn systemd_takes_the_unit() {
    const PROGRAM: &str = "/usr/local/bin/nuncio";
    let unit = read("packaging/nuncio.service");
    let values = |key: &str| -> Vec<&str> {
        unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect::<Vec<_>>()
    };
    let commands = [values("ExecStart"), values("ExecReload")].concat();
    let own: Vec<&str> = commands.iter().filter_map(|command| command.strip_prefix(PROGRAM)).collect();
    assert_eq!(own.len(), 2, "{commands:?}");
    for arguments in own {
        knows(&arguments.split_whitespace().collect::<Vec<_>>());
    }
    assert!(seconds(values("TimeoutStopSec")[0]) > Timeouts::default().drain);
    assert!(values("LimitNOFILE")[0].parse::<usize>().unwrap() >= 2 * ConnectionLimits::default().connections);

    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skip: there is no systemd-analyze to judge the unit");
        return;
    }
    let root = root("systemd");
    std::fs::write(root.join("nuncio.socket"), read("packaging/nuncio.socket")).unwrap();
    let file = root.join("nuncio.service");
    std::fs::write(&file, unit.replace(PROGRAM, env!("CARGO_BIN_EXE_nuncio"))).unwrap();
    let analyse = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&file).output().unwrap();
        let said = [output.stdout, output.stderr].map(|octets| String::from_utf8_lossy(&octets).into_owned());
        (output.status.success(), said.concat())
    };
    let (taken, said) = analyse(&["verify", root.join("nuncio.socket").to_str().unwrap()]);
    assert!(taken && !said.contains("nuncio.service:") && !said.contains("nuncio.socket:"), "{said}");
    // Of ten; the common service has more than nine.
    let (taken, said) = analyse(&["security", "--offline=true", "--threshold=20"]);
    assert!(taken, "{said}");
}

/// The gateway of the pod starts from what is mounted there; its probes find it; and it has the time to drain.
#[test]
fn the_sidecar_starts_and_is_probed() {
    let text = read("packaging/kubernetes/sidecar.yaml");
    let (head, _) = text.split_once("\napiVersion").unwrap();
    let all: Vec<Value> = text.split("\n---\n").map(yaml).collect();
    let [map, deployment, service] = &all[..] else { panic!("three resources") };
    let kinds: Vec<&str> = all.iter().map(|resource| resource["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ConfigMap", "Deployment", "Service"]);
    let template = &deployment["spec"]["template"];
    let labels = &template["metadata"]["labels"];
    assert!(labels.is_object() && *labels == deployment["spec"]["selector"]["matchLabels"]);
    assert_eq!(*labels, service["spec"]["selector"]);
    let pod = &template["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let [plain, gateway] = &pod["containers"].as_array().unwrap()[..] else { panic!("two containers") };
    let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    for container in [plain, gateway] {
        let own = &container["securityContext"];
        assert_eq!((&own["allowPrivilegeEscalation"], &own["readOnlyRootFilesystem"]), (&false.into(), &true.into()));
        assert_eq!(own["capabilities"]["drop"], serde_json::json!(["ALL"]));
        assert_eq!(container["image"], format!("nuncio:{}", env!("CARGO_PKG_VERSION")));
        knows(&words(&container["args"]).iter().map(String::as_str).collect::<Vec<_>>());
    }
    let sleeps = |container: &Value| container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let drain = Timeouts::default().drain.as_secs();
    assert!(sleeps(plain) > sleeps(gateway) + drain, "the service ends before the gateway has answered");
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > sleeps(plain) && grace > sleeps(gateway) + drain);

    // What is mounted, each thing where the gateway finds it.
    let root = root("kubernetes");
    for mount in gateway["volumeMounts"].as_array().unwrap() {
        let folder = root.join(mount["mountPath"].as_str().unwrap().strip_prefix('/').unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        if volume["configMap"].is_object() {
            assert_eq!(volume["configMap"]["name"], map["metadata"]["name"]);
            for (name, text) in map["data"].as_object().unwrap() {
                std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
            }
            continue;
        }
        let secret = volume["secret"]["secretName"].as_str().unwrap();
        let made = head.lines().find(|line| line.contains("kubectl create secret ") && line.contains(secret));
        if made.unwrap().contains("secret tls ") {
            std::fs::copy(key("server.pem"), folder.join("tls.crt")).unwrap();
            std::fs::copy(key("server.key"), folder.join("tls.key")).unwrap();
        } else {
            let (_, file) = made.unwrap().split_once("--from-file=").unwrap();
            std::fs::write(folder.join(file.split_once('=').unwrap().0), "wonderland-1865\n").unwrap();
        }
    }
    let arguments = words(&gateway["args"]);
    let file = root.join(arguments.last().unwrap().strip_prefix('/').unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    let container_port = gateway["ports"][0]["containerPort"].as_u64().unwrap();
    assert_eq!(gateway["ports"][0]["name"], service["spec"]["ports"][0]["targetPort"]);
    let (listen, admin) = (port(), port());
    let mine = text
        .replace(&format!("address: 0.0.0.0:{container_port}\n"), &format!("address: 127.0.0.1:{listen}\n"))
        .replace("address: 127.0.0.1:9901\n", &format!("address: 127.0.0.1:{admin}\n"));
    assert!(mine.contains(&listen.to_string()) && mine.contains(&admin.to_string()), "{mine}");
    std::fs::write(&file, mine).unwrap();
    let backend = words(&plain["args"]).pop().unwrap();
    assert!(text.contains(&format!("backend: {backend}/")), "{backend}");
    let mut program = nuncio();
    program.args(&arguments[..arguments.len() - 1]).arg(&file);
    let running = Running::start(program);
    for probe in ["readinessProbe", "livenessProbe"] {
        let command = words(&gateway[probe]["exec"]["command"]);
        assert_eq!(command[0], "/usr/bin/nuncio");
        let asked = nuncio().args(&command[1..]).args(["--admin", &format!("127.0.0.1:{admin}")]).status().unwrap();
        assert!(asked.success(), "{probe}");
    }
    assert_eq!(running.stop(), Some(0));
}
