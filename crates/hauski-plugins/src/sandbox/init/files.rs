//! Builds the plugin's view of the file system and makes it the only one.
//!
//! Everything shown is taken as a detached copy of its mount first, by a path without symbolic links; then a small empty file
//! system gets these copies, becomes the root, and the old root is let go. Whatever is not declared for writing is made
//! read-only, mounts below it included, and that is checked at the end.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use super::missing;
use crate::sandbox::layer::Layer;
use crate::sandbox::plan::{Access, Bind, HTTP_INSIDE, Order, Refusal};
use crate::sandbox::view;

/// Where the new root is built; one of them is there on every system.
const PLACES: [&str; 4] = ["/tmp", "/run", "/mnt", "/var"];
/// The root itself holds folders, links and a few small files.
const ROOT_OPTIONS: &CStr = c"mode=0755,size=1m,nr_inodes=4096";
/// The folder for an HTTP socket holds that socket and little else.
const HTTP_OPTIONS: &CStr = c"mode=0700,size=64k,nr_inodes=16";
/// Files and folders of /proc that concern the machine rather than the plugin's processes.
const MASKED: [&str; 20] = [
    "kcore",
    "keys",
    "key-users",
    "timer_list",
    "sched_debug",
    "kallsyms",
    "sysrq-trigger",
    "kmsg",
    "vmallocinfo",
    "slabinfo",
    "modules",
    "kpagecount",
    "kpageflags",
    "acpi",
    "scsi",
    "irq",
    "bus",
    "fs",
    "driver",
    "tty",
];

fn lack(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Refusal {
    missing(Layer::Files, &what.to_string(), error)
}

/// A detached copy of what is shown at one place.
struct Piece {
    inside: PathBuf,
    tree: OwnedFd,
    folder: bool,
}

/// Builds the view of `order` and enters it.
pub(super) fn enter(order: &Order) -> Result<(), Refusal> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| lack("private mounts", error))?;
    let mut pieces = order.binds.iter().map(piece).collect::<Result<Vec<_>, _>>()?;
    for device in view::DEVICES {
        let path = Path::new("/dev").join(device);
        pieces.push(piece(&Bind::same(&path, Access::Write))?);
    }
    // Only where that layer was given up: without a namespace of its own, there is no list of its own either.
    if !order.layers.contains(&Layer::Process) {
        pieces.push(piece(&Bind::same(Path::new("/proc"), Access::Read))?);
    }
    // What lies inside of another comes after it.
    pieces.sort_by_key(|piece| piece.inside.components().count());

    let place = PLACES.into_iter().find(|place| Path::new(place).is_dir());
    let place = Path::new(place.ok_or_else(|| lack("new root", "no folder to build it on"))?);
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", place, "tmpfs", flags, ROOT_OPTIONS)
        .map_err(|error| lack("new root", error))?;
    let root =
        rustix::fs::open(place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| lack("new root", error))?;
    for piece in &pieces {
        let target = make(&root, &piece.inside, piece.folder)
            .map_err(|error| lack(piece.inside.display(), error))?;
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&piece.tree, "", &target, "", flags)
            .map_err(|error| lack(piece.inside.display(), error))?;
    }
    furnish(order, place, &root)?;

    rustix::process::chdir(place).map_err(|error| lack("new root", error))?;
    rustix::process::pivot_root(".", ".").map_err(|error| lack("new root", error))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(|error| lack("old root", error))?;
    rustix::process::chdir("/").map_err(|error| lack("new root", error))?;
    seal(order)
}

/// Opens what a bind shows, without following any link, and copies its mounts.
fn piece(bind: &Bind) -> Result<Piece, Refusal> {
    let fault = |error: Errno| {
        if error == Errno::LOOP {
            return lack(bind.host.display(), "has become a symbolic link since it was checked");
        }
        lack(bind.host.display(), error)
    };
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found =
        rustix::fs::openat2(CWD, &bind.host, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
            .map_err(fault)?;
    let about = rustix::fs::fstat(&found).map_err(fault)?;
    // A link at the very end is opened as such.
    if FileType::from_raw_mode(about.st_mode) == FileType::Symlink {
        return Err(fault(Errno::LOOP));
    }
    let copy = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(&found, "", copy).map_err(fault)?;
    let folder = FileType::from_raw_mode(about.st_mode) == FileType::Directory;
    Ok(Piece { inside: bind.inside.clone(), tree, folder })
}

/// The place for a piece in the new root: made where it is missing, but only in the new root itself and never in what is
/// shown of the host.
fn make(root: &OwnedFd, inside: &Path, folder: bool) -> io::Result<OwnedFd> {
    let own = rustix::fs::fstat(root)?.st_dev;
    let mut at = root.try_clone()?;
    let parts: Vec<_> = inside
        .components()
        .filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None })
        .collect();
    for (index, name) in parts.iter().enumerate() {
        let is_folder = folder || index + 1 < parts.len();
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || {
            rustix::fs::openat2(
                &at,
                *name,
                flags,
                Mode::empty(),
                ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH,
            )
        };
        let next = match open() {
            Err(Errno::NOENT) if rustix::fs::fstat(&at)?.st_dev == own => {
                if is_folder {
                    rustix::fs::mkdirat(&at, *name, Mode::from_raw_mode(0o755))?;
                } else {
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                    drop(rustix::fs::openat(&at, *name, flags, Mode::from_raw_mode(0o444))?);
                }
                open()?
            }
            other => other?,
        };
        at = next;
    }
    Ok(at)
}

/// The plugin's folder for its HTTP socket, for the daemon: a way to it that no name leads along.
pub(super) fn http_folder(order: &Order) -> Result<Option<OwnedFd>, Refusal> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(HTTP_INSIDE, flags, Mode::empty());
    order.http.then(open).transpose().map_err(|error| lack(HTTP_INSIDE, error))
}

/// What is written or mounted anew: links, names, devices, scratch space and the list of processes.
fn furnish(order: &Order, place: &Path, root: &OwnedFd) -> Result<(), Refusal> {
    let below = |inside: &str| place.join(inside.trim_start_matches('/'));
    let folder =
        |inside: &str| make(root, Path::new(inside), true).map_err(|error| lack(inside, error));
    for (link, target) in &order.links {
        let parent = link.parent().and_then(Path::to_str).unwrap_or("/");
        let name = link.file_name().unwrap_or_default();
        rustix::fs::symlinkat(target, folder(parent)?, name)
            .or_else(|error| if error == Errno::EXIST { Ok(()) } else { Err(error) })
            .map_err(|error| lack(link.display(), error))?;
    }
    for (path, text) in view::WRITTEN {
        folder(Path::new(path).parent().and_then(Path::to_str).unwrap_or("/"))?;
        File::create_new(below(path))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| lack(path, error))?;
    }
    let dev = folder("/dev")?;
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        rustix::fs::symlinkat(target, &dev, name).map_err(|error| lack(name, error))?;
    }
    let scratch = format!("mode=1777,size={}\0", order.scratch_bytes);
    let scratch =
        CStr::from_bytes_with_nul(scratch.as_bytes()).map_err(|error| lack("/tmp", error))?;
    for inside in ["/tmp", "/dev/shm"] {
        folder(inside)?;
        // Something declared below /tmp is on it already, and stays visible.
        if order.binds.iter().any(|bind| bind.inside.starts_with(inside)) {
            continue;
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("tmpfs", below(inside), "tmpfs", flags, scratch)
            .map_err(|error| lack(inside, error))?;
    }
    if order.http {
        folder(HTTP_INSIDE)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        rustix::mount::mount("tmpfs", below(HTTP_INSIDE), "tmpfs", flags, HTTP_OPTIONS)
            .map_err(|error| lack(HTTP_INSIDE, error))?;
    }
    if order.layers.contains(&Layer::Process) {
        folder("/proc")?;
        processes(&below("/proc"))?;
    }
    // So that a plugin without a folder of its own has one.
    folder("/run")?;
    Ok(())
}

/// A list of the processes of this namespace, read-only: as the owner of the machine's settings, root could write them.
fn processes(place: &Path) -> Result<(), Refusal> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", place, "proc", flags | MountFlags::RDONLY, None)
        .map_err(|error| lack("/proc", error))?;
    for name in MASKED {
        let path = place.join(name);
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        let masked = if about.is_dir() {
            rustix::mount::mount(
                "tmpfs",
                &path,
                "tmpfs",
                flags | MountFlags::RDONLY,
                c"size=0,mode=0555",
            )
        } else {
            rustix::mount::mount_bind("/dev/null", &path)
        };
        masked.map_err(|error| lack(path.display(), error))?;
    }
    Ok(())
}

/// Makes everything read-only that is not declared for writing, and makes sure of it.
fn seal(order: &Order) -> Result<(), Refusal> {
    let mounts = Mount::all()?;
    for mount in &mounts {
        let mut flags = mount.flags | MountFlags::NOSUID | MountFlags::BIND;
        if !mount.is_device() {
            flags |= MountFlags::NODEV;
        }
        if !mount.may_write(order) {
            flags |= MountFlags::RDONLY;
        }
        rustix::mount::mount_remount(&mount.point, flags, c"")
            .map_err(|error| lack(mount.point.display(), error))?;
    }
    for mount in Mount::all()? {
        let read_only = mount.flags.contains(MountFlags::RDONLY);
        if !read_only && !mount.may_write(order) {
            return Err(lack(mount.point.display(), "stayed writable"));
        }
    }
    for bind in order.binds.iter().filter(|bind| bind.access == Access::Write) {
        if rustix::fs::accessat(CWD, &bind.inside, rustix::fs::Access::WRITE_OK, AtFlags::empty())
            .is_err()
        {
            return Err(Refusal::new(
                "sandbox.write",
                format!("{} cannot be written by the daemon's user", bind.inside.display()),
            ));
        }
    }
    Ok(())
}

/// One mount of this namespace.
struct Mount {
    point: PathBuf,
    flags: MountFlags,
}

impl Mount {
    fn all() -> Result<Vec<Self>, Refusal> {
        let text =
            fs::read_to_string("/proc/self/mountinfo").map_err(|error| lack("mounts", error))?;
        text.lines()
            .map(|line| {
                let mut fields = line.split(' ').skip(4);
                let (point, options) = (fields.next(), fields.next());
                let (Some(point), Some(options)) = (point, options) else {
                    return Err(lack("mounts", "a line without a place"));
                };
                let flags = options.split(',').fold(MountFlags::empty(), |flags, option| {
                    flags
                        | match option {
                            "ro" => MountFlags::RDONLY,
                            "nosuid" => MountFlags::NOSUID,
                            "nodev" => MountFlags::NODEV,
                            "noexec" => MountFlags::NOEXEC,
                            _ => MountFlags::empty(),
                        }
                });
                Ok(Self { point: unescape(point), flags })
            })
            .collect()
    }

    fn is_device(&self) -> bool {
        view::DEVICES.iter().any(|name| self.point == Path::new("/dev").join(name))
            || self.point.starts_with("/proc")
    }

    /// Whether the nearest thing declared around this mount may be written.
    fn may_write(&self, order: &Order) -> bool {
        let own = [Path::new("/tmp"), Path::new("/dev/shm")].contains(&self.point.as_path());
        if own || order.http && self.point == Path::new(HTTP_INSIDE) {
            return true;
        }
        order
            .binds
            .iter()
            .filter(|bind| self.point.starts_with(&bind.inside))
            .max_by_key(|bind| bind.inside.components().count())
            .is_some_and(|bind| bind.access == Access::Write)
    }
}

/// Space, tab, line end and backslash stand as three octal digits in the kernel's list.
fn unescape(text: &str) -> PathBuf {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = (bytes[at] == b'\\').then(|| text.get(at + 1..at + 4)).flatten();
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 4;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    OsString::from_vec(out).into()
}
