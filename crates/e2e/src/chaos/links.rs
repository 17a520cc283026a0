//! Every line between the parts of a system as a proxy that can be cut, frozen and slowed: from the load to the
//! gateways, from the gateways to the replicas behind them, and from each service to each server.

use crate::system::Site;
use contracts::Service;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::proxy::Proxy;

/// A server that the services need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    RabbitMq,
    Redis,
}

impl Server {
    pub const ALL: [Self; 3] = [Self::Postgres, Self::RabbitMq, Self::Redis];

    /// The name of its pid file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::RabbitMq => "rabbitmq",
            Self::Redis => "redis",
        }
    }
}

/// What one end of some lines is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Service(Service),
    Server(Server),
    /// One of the three nodes of RabbitMQ, by its number.
    Node(usize),
}

/// The names of their pid files.
pub const NODES: [&str; 3] = ["rabbitmq", "rabbitmq-2", "rabbitmq-3"];

impl Part {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Server(server) => server.name(),
            Self::Node(number) => NODES[number],
        }
    }
}

/// What is done to lines.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    Pass,
    Cut,
    Freeze,
    Slow(Duration),
}

/// The line of a service to a server.
#[derive(Debug)]
struct ToServer {
    service: Service,
    server: Server,
    proxy: Proxy,
}

/// The line to a replica of a service.
#[derive(Debug)]
struct ToReplica {
    service: Service,
    proxy: Proxy,
}

/// All lines of a system.
#[derive(Debug)]
pub struct Links {
    servers: Vec<ToServer>,
    replicas: Vec<ToReplica>,
    settings: Vec<(String, String)>,
}

impl Links {
    /// Lays the lines of a system whose servers run; in a cluster, those to RabbitMQ go to the next node that takes
    /// them.
    pub async fn start(site: Site, addresses: &HashMap<String, String>, cluster: bool) -> Self {
        let mut links = Self { servers: Vec::new(), replicas: Vec::new(), settings: Vec::new() };
        for service in Service::ALL {
            let name = service.name().replace('-', "_").to_uppercase();
            for (server, setting) in
                [(Server::Postgres, "DATABASE"), (Server::RabbitMq, "BROKER"), (Server::Redis, "REDIS")]
            {
                let direct = match server {
                    Server::Postgres => &addresses[&format!("{name}_DATABASE_URL")],
                    Server::RabbitMq => &addresses[&format!("{name}_AMQP_URL")],
                    Server::Redis => &addresses["REDIS_URL"],
                };
                let first = testkit::address_of(direct).await;
                let mut targets = vec![first];
                if cluster && server == Server::RabbitMq {
                    targets.extend([20, 30].map(|up| SocketAddr::new(first.ip(), first.port() + up)));
                }
                let proxy = Proxy::start_over(targets).await;
                let url = testkit::redirected(&SecretString::from(direct.clone()), proxy.address());
                let setting = format!("LEADWIRE_{name}__{setting}__URL");
                links.settings.push((setting, url.expose_secret().to_owned()));
                links.servers.push(ToServer { service, server, proxy });
            }
            let mut urls = Vec::new();
            for (_, address) in site.replicas(service) {
                let proxy = Proxy::start(address).await;
                urls.push(format!("http://{}", proxy.address()));
                links.replicas.push(ToReplica { service, proxy });
            }
            if service != Service::Gateway {
                links.settings.push((format!("LEADWIRE_GATEWAY__UPSTREAMS__{name}"), urls.join(",")));
            }
        }
        links
    }

    /// What leads the services over these lines.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Where the gateways are reached.
    pub fn gateways(&self) -> Vec<String> {
        let gateways = self.replicas.iter().filter(|line| line.service == Service::Gateway);
        gateways.map(|line| format!("http://{}", line.proxy.address())).collect()
    }

    /// Does something to every line that ends at a part.
    pub fn set(&self, part: Part, line: Line) {
        let servers = self.servers.iter().filter(|to| match part {
            Part::Service(service) => to.service == service,
            Part::Server(server) => to.server == server,
            Part::Node(_) => false,
        });
        let replicas = self.replicas.iter().filter(|to| part == Part::Service(to.service));
        for proxy in servers.map(|to| &to.proxy).chain(replicas.map(|to| &to.proxy)) {
            match line {
                Line::Pass => proxy.pass(),
                Line::Cut => proxy.cut(),
                Line::Freeze => proxy.freeze(),
                Line::Slow(delay) => proxy.slow(delay),
            }
        }
    }
}
