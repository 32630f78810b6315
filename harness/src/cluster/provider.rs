//! The tool that makes a cluster on this machine.

use super::programs::Programs;
use crate::error::Error;

/// A tool that makes a cluster. The first of these that is installed is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Provider {
    /// With addons for pages, ingress and metrics
    Minikube,
    /// With an ingress and metrics
    K3d,
    /// With neither
    Kind,
}

impl Provider {
    const ALL: [Self; 3] = [Self::Minikube, Self::K3d, Self::Kind];

    /// What its program is called.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Minikube => "minikube",
            Self::K3d => "k3d",
            Self::Kind => "kind",
        }
    }

    /// How it is asked for its version, and the oldest that will do.
    pub const fn oldest(self) -> (&'static [&'static str], (u32, u32)) {
        match self {
            Self::Minikube => (&["version", "--short"], (1, 35)),
            Self::K3d => (&["version"], (5, 6)),
            Self::Kind => (&["version"], (0, 24)),
        }
    }

    /// What kubectl calls a cluster of this name.
    pub fn context(self, profile: &str) -> String {
        match self {
            Self::Minikube => profile.to_owned(),
            Self::K3d | Self::Kind => format!("{}-{profile}", self.program()),
        }
    }

    /// Whether pages are reached by names: there is an ingress controller.
    pub const fn has_ingress(self) -> bool {
        !matches!(self, Self::Kind)
    }

    /// Whether Headlamp and Kubetail come with it.
    pub const fn has_pages(self) -> bool {
        matches!(self, Self::Minikube)
    }
}

/// The first that is installed.
pub fn pick(programs: &Programs) -> Result<Provider, Error> {
    Provider::ALL.into_iter().find(|provider| programs.has(provider.program())).ok_or_else(|| Error::NotRun {
        what: "neither minikube nor k3d nor kind is on PATH".to_owned(),
        mend: "install minikube 1.35 or newer, then try again".to_owned(),
    })
}
