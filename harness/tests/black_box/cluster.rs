//! The workshop's cluster: which programs are called, and how. They are stand-ins that write down what they hear; what
//! minikube, helm and kubectl do with it is not tested here.

use std::fs;

use crate::common::{AS_EXPECTED, FAILED, INCONCLUSIVE, Project};

/// A project on a machine that has these programs and no others. Each answers with what its script says.
fn machine(programs: &[(&str, &str)]) -> Project {
    let mut project = Project::tiny("");
    let record = project.path("record");
    for (name, script) in programs {
        let note = format!("echo \"{name} $*\" >>'{}'", record.display());
        project.program(&format!("bin/{name}"), &format!("{note}\n{script}"));
    }
    let bin = project.path("bin");
    fs::create_dir_all(&bin).expect("a folder");
    project.set("PATH", bin);
    project
}

/// What was called since the last look.
fn called(project: &Project) -> Vec<String> {
    let record = project.path("record");
    let text = fs::read_to_string(&record).unwrap_or_default();
    let _ = fs::remove_file(record);
    text.lines().map(str::to_owned).collect()
}

const MINIKUBE: &str = "case $1 in version) echo v1.37.0 ;; ip) echo 192.168.49.2 ;; esac";
const HELM: &str = "case $1 in repo) echo 'prometheus-community  somewhere' ;; esac";
const KUBECTL: &str = "case $* in *token*) echo the-token ;; esac";

/// With minikube, and with the others too: it comes first.
fn with_minikube() -> Project {
    machine(&[
        ("docker", ""),
        ("helm", HELM),
        ("kubectl", KUBECTL),
        ("minikube", MINIKUBE),
        ("k3d", ""),
        ("kind", ""),
    ])
}

#[test]
fn minikube_is_started_with_its_addons() {
    let project = with_minikube();
    let ran = project.run(&["cluster", "start", "--cpus", "4"]);
    ran.exits(AS_EXPECTED).says(&["$ minikube start", "good for 24h", "Next: ./task dns.add"]);
    assert_eq!(ran.stdout, "the-token\n");
    let addons = [
        "headlamp",
        "metrics-server",
        "registry",
        "ingress",
        "ingress-dns",
        "default-storageclass",
        "kubetail",
    ];
    let mut wanted = vec![
        "minikube version --short".to_owned(),
        "minikube start --profile workshop-mb --cpus 4 --memory 4g".to_owned(),
    ];
    wanted.extend(addons.map(|addon| format!("minikube addons enable {addon} --profile workshop-mb")));
    let token = "kubectl --context workshop-mb --namespace headlamp create token headlamp --duration 24h";
    wanted.push(token.to_owned());
    assert_eq!(called(&project), wanted);

    project.run(&["cluster", "--profile", "mine", "stop"]).exits(AS_EXPECTED).says(&["./task dns.remove"]);
    assert_eq!(called(&project), ["minikube stop --profile mine", "minikube delete --profile mine"]);
    project.run(&["cluster", "tunnel"]).exits(AS_EXPECTED).says(&["asks for root (sudo) to add routes"]);
    assert_eq!(called(&project), ["minikube tunnel --profile workshop-mb"]);
}

#[test]
fn versions_are_compared_as_numbers() {
    for (says, good) in [("v1.9.9", false), ("v1.35.0", true), ("v2.0.0", true), ("hello", false)] {
        let script = format!("case $1 in version) echo {says} ;; esac");
        let project =
            machine(&[("docker", ""), ("helm", ""), ("kubectl", ""), ("minikube", script.as_str())]);
        let ran = project.run(&["cluster", "start"]);
        match good {
            true => ran.exits(AS_EXPECTED),
            false => ran.exits(INCONCLUSIVE).says(&["minikube", says.trim_start_matches('v'), "to mend it:"]),
        };
        let started = called(&project).iter().any(|line| line.starts_with("minikube start"));
        assert_eq!(started, good, "{ran}");
    }
}

#[test]
fn k3d_and_kind_are_taken_where_there_is_no_minikube() {
    let others = [("docker", ""), ("helm", HELM), ("kubectl", KUBECTL)];
    let k3d = "case $* in version) echo k3d version v5.8.3 ;; *list*) echo 'other  1/1'; [ -e there ] && echo 'workshop-mb  1/1' ;; esac; exit 0";
    let project = machine(&[&others[..], &[("k3d", k3d), ("kind", "")]].concat());
    project.run(&["cluster", "start"]).exits(AS_EXPECTED);
    let create = "k3d cluster create workshop-mb --port 80:80@loadbalancer --wait";
    assert_eq!(called(&project), ["k3d version", "k3d cluster list --no-headers", create]);
    project.write("there", "");
    project.run(&["cluster", "start"]).exits(AS_EXPECTED);
    assert_eq!(called(&project)[2], "k3d cluster start workshop-mb --wait");
    project.run(&["cluster", "tunnel"]).exits(AS_EXPECTED).says(&["needs no tunnel"]);
    project.run(&["cluster", "headlamp-token"]).exits(INCONCLUSIVE).says(&["an addon of minikube"]);
    assert!(called(&project).is_empty());

    let kind = "case $1 in version) echo kind v0.30.0 go1.24 linux/amd64 ;; esac";
    let project = machine(&[&others[..], &[("kind", kind)]].concat());
    project.run(&["cluster", "start"]).exits(AS_EXPECTED);
    let create = "kind create cluster --name workshop-mb --wait 120s";
    assert_eq!(called(&project), ["kind version", "kind get clusters", create]);
    project.run(&["cluster", "stop"]).exits(AS_EXPECTED);
    assert_eq!(called(&project), ["kind delete cluster --name workshop-mb"]);
}

#[test]
fn what_is_missing_or_fails_is_named() {
    let project = machine(&[("docker", "")]);
    let said = ["neither minikube nor k3d nor kind", "to mend it: install minikube 1.35"];
    project.run(&["cluster", "start"]).exits(INCONCLUSIVE).says(&said);
    let project = machine(&[("helm", ""), ("kubectl", ""), ("minikube", MINIKUBE)]);
    project.run(&["cluster", "start"]).exits(INCONCLUSIVE).says(&["docker is not on PATH"]);
    assert!(called(&project).is_empty(), "nothing was begun");

    let broken = "case $1 in version) echo v1.37.0 ;; start) echo 'no space left' >&2; exit 5 ;; esac";
    let project = machine(&[("docker", ""), ("helm", ""), ("kubectl", ""), ("minikube", broken)]);
    let said = ["no space left", "`minikube start --profile workshop-mb --cpus 2 --memory 4g` failed"];
    project.run(&["cluster", "start"]).exits(FAILED).says(&said);
    assert_eq!(called(&project).len(), 2, "and nothing more is tried");
    project.run(&["cluster", "--with", "podman", "start"]).exits(crate::common::USAGE);
}

#[test]
fn names_are_added_and_taken_away_again() {
    let sudo = "PATH=/usr/bin:/bin; exec \"$@\"";
    let project = machine(&[("minikube", MINIKUBE), ("sudo", sudo)]);
    let before = "127.0.0.1 localhost\n# mine\n10.0.0.7 printer";
    project.write("hosts", before);
    let file = project.path("hosts").to_string_lossy().into_owned();
    let hosts = || fs::read_to_string(project.path("hosts")).expect("the file");
    let ran = project.run(&["cluster", "dns", "add", "--hosts-file", &file]);
    ran.exits(AS_EXPECTED).says(&["grafana.test", "lead to 192.168.49.2"]);
    let names = "192.168.49.2 headlamp.test grafana.test alertmanager.test prometheus.test kubetail.test\n";
    let added = hosts();
    assert!(added.starts_with(before) && added.contains(names), "{added}");
    project.run(&["cluster", "dns", "add", "--hosts-file", &file]).exits(AS_EXPECTED);
    assert_eq!(hosts(), added, "once is enough");
    project.run(&["cluster", "dns", "remove", "--hosts-file", &file]).exits(AS_EXPECTED);
    assert_eq!(hosts(), before);
    let kept = fs::read_to_string(project.path("hosts.before-workshop-mb")).expect("a copy");
    assert_eq!(kept, before);
    assert!(!called(&project).iter().any(|line| line.starts_with("sudo")), "the file is ours");

    // Somebody else's file: root is asked for, and told what for; whoever is root is not asked.
    let status = std::process::Command::new("chmod").arg("a-w").arg(&file).status().expect("chmod");
    assert!(status.success());
    let ran = project.run(&["cluster", "dns", "add", "--hosts-file", &file]);
    let asked = called(&project).iter().any(|line| line.starts_with("sudo"));
    assert_eq!(asked, !rustix::process::geteuid().is_root(), "{ran}");
    if asked {
        // The stand-in is not root either.
        ran.exits(FAILED).says(&["sudo is asked for, to add 5 names", "and for nothing else"]);
    } else {
        ran.exits(AS_EXPECTED);
    }
}

#[test]
fn a_hosts_file_or_an_address_that_is_not_right_is_left_alone() {
    let project = machine(&[("minikube", MINIKUBE)]);
    let broken = "127.0.0.1 localhost\n# BEGIN workshop-mb\n10.0.0.1 grafana.test\n";
    project.write("hosts", broken);
    let file = project.path("hosts").to_string_lossy().into_owned();
    for what in ["add", "remove"] {
        let said = ["was left as it is", "line 2 says `# BEGIN workshop-mb`", "no line below it"];
        project.run(&["cluster", "dns", what, "--hosts-file", &file]).exits(FAILED).says(&said);
    }
    assert_eq!(fs::read_to_string(project.path("hosts")).expect("the file"), broken);
    let project = machine(&[("minikube", "echo")]);
    project.write("hosts", "");
    let said = ["instead of an address", "./task cluster.start"];
    let file = project.path("hosts").to_string_lossy().into_owned();
    project.run(&["cluster", "dns", "add", "--hosts-file", &file]).exits(FAILED).says(&said);
}

#[test]
fn monitoring_is_deployed_in_its_version_and_taken_away_whole() {
    let project = with_minikube();
    project.run(&["cluster", "core", "deploy"]).exits(AS_EXPECTED).says(&["http://grafana.test"]);
    let k8s = project.path("k8s");
    let k8s = k8s.display();
    let wanted = [
        "helm repo list".to_owned(),
        format!("kubectl --context workshop-mb apply --kustomize {k8s}/core"),
        format!(
            "helm --kube-context workshop-mb upgrade --install monitoring prometheus-community/kube-prometheus-stack \
             --version 79.1.0 --namespace monitoring --create-namespace --values {k8s}/core/monitoring.yaml --wait \
             --timeout 10m"
        ),
    ];
    assert_eq!(called(&project), wanted);

    project.run(&["cluster", "core", "rollback"]).exits(AS_EXPECTED);
    let rolled_back = called(&project);
    let uninstall = "helm --kube-context workshop-mb uninstall monitoring --namespace monitoring --ignore-not-found --wait";
    assert_eq!((rolled_back.len(), rolled_back[0].as_str()), (4, uninstall));
    assert_eq!(rolled_back[2].matches(".monitoring.coreos.com").count(), 10);
    let last = "kubectl --context workshop-mb delete namespace monitoring --ignore-not-found";
    assert_eq!(rolled_back[3], last);

    project.run(&["cluster", "monitoring-status"]).exits(AS_EXPECTED);
    assert_eq!(called(&project).len(), 2);

    let project = machine(&[("helm", "exit 1"), ("kubectl", KUBECTL), ("kind", "")]);
    let said = ["helm does not know the repository prometheus-community", "to mend it: helm repo add"];
    project.run(&["cluster", "core", "deploy"]).exits(INCONCLUSIVE).says(&said);
    assert_eq!(called(&project), ["helm repo list"]);
}
