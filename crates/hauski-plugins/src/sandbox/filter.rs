//! The filter of system calls.
//!
//! Three programs, of which the strictest answer counts: the first kills foreign architectures and the x32 table and answers
//! calls that are newer than this list with ENOSYS; the second refuses with EPERM; the third answers `clone3` with ENOSYS,
//! because its flags lie in memory where no filter sees them and every C library then takes `clone`.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

/// Error numbers as the kernel has them on every architecture here.
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
/// Newest call in the list of the kernel when this was written (`file_setattr`, 6.17); the numbers are shared by all
/// architectures since 424.
const NEWEST: u32 = 469;

/// Refused whatever the arguments are: ways to other namespaces, file systems, processes, the kernel and its clock.
const REFUSED: &[i64] = &[
    // A ring does socket operations that no filter sees.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // The clock.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Randomised addresses off, foreign system call tables.
    libc::SYS_personality,
    // `open_tree_attr`, for which libc has no name yet.
    467,
];

#[cfg(target_arch = "x86_64")]
const KEXEC_FILE_LOAD: i64 = libc::SYS_kexec_file_load;
#[cfg(not(target_arch = "x86_64"))]
const KEXEC_FILE_LOAD: i64 = 294;

/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Flags of `clone` that make namespaces; the one for time needs `clone3` or `unshare`.
const NEW_NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Requests that put characters into a terminal, as if its person had typed them.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541c];

/// The architecture's name for the compiler, where there is one.
pub(super) fn architecture() -> Result<TargetArch, String> {
    TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| format!("there is no filter for {}", std::env::consts::ARCH))
}

/// The three programs, in the order in which they are installed.
pub(super) fn programs() -> Result<Vec<BpfProgram>, String> {
    let compile = |rules, action| {
        SeccompFilter::new(rules, SeccompAction::Allow, action, architecture()?)
            .and_then(BpfProgram::try_from)
            .map_err(|error| error.to_string())
    };
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok(vec![
        guard(architecture()?),
        compile(absent, SeccompAction::Errno(ENOSYS))?,
        compile(refused()?, SeccompAction::Errno(EPERM))?,
    ])
}

/// Installs the filter on this process and all that it starts. Sets `no_new_privs`.
pub(super) fn install() -> Result<(), String> {
    for program in programs()? {
        seccompiler::apply_filter(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn refused() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    // A family other than AF_UNIX, in the 32 bits that the kernel reads.
    let foreign = rule(0, SeccompCmpOp::Ne, libc::AF_UNIX as u64)?;
    rules.insert(libc::SYS_socket, vec![foreign.clone()]);
    rules.insert(libc::SYS_socketpair, vec![foreign]);
    let namespaces: Result<_, _> = NEW_NAMESPACES
        .into_iter()
        .map(|flag| rule(0, SeccompCmpOp::MaskedEq(flag as u64), flag as u64))
        .collect();
    rules.insert(libc::SYS_clone, namespaces?);
    let typed: Result<_, _> =
        TERMINAL_INPUT.into_iter().map(|request| rule(1, SeccompCmpOp::Eq, request)).collect();
    rules.insert(libc::SYS_ioctl, typed?);
    Ok(rules)
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| error.to_string())
}

/// Kills foreign architectures and x32, answers unknown new calls with ENOSYS, lets everything else pass.
fn guard(architecture: TargetArch) -> BpfProgram {
    const LOAD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_GREATER: u16 = 0x25;
    const JUMP_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const KILL_PROCESS: u32 = 0x8000_0000;
    const ERRNO: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7fff_0000;
    const X32: u32 = 0x4000_0000;
    let own = match architecture {
        TargetArch::x86_64 => 0xc000_003e,
        TargetArch::aarch64 => 0xc000_00b7,
        TargetArch::riscv64 => 0xc000_00f3,
    };
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        // `arch` lies 4 bytes into what a filter sees, the number of the call at its start.
        step(LOAD, 0, 0, 4),
        step(JUMP_EQUAL, 0, 4, own),
        step(LOAD, 0, 0, 0),
        step(JUMP_AT_LEAST, 2, 0, X32),
        step(JUMP_GREATER, 2, 0, NEWEST),
        step(RETURN, 0, 0, ALLOW),
        step(RETURN, 0, 0, KILL_PROCESS),
        step(RETURN, 0, 0, ERRNO | ENOSYS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: the strictest answer of the three, by a small interpreter of the instructions they use.
    fn answer(architecture: u32, call: u32, first: u64, second: u64) -> u32 {
        let mut data = Vec::new();
        data.extend(call.to_le_bytes());
        data.extend(architecture.to_le_bytes());
        data.extend([0; 8]);
        for argument in [first, second, 0, 0, 0, 0] {
            data.extend(argument.to_le_bytes());
        }
        let run = |program: &BpfProgram| {
            let (mut at, mut value) = (0, 0_u32);
            loop {
                let step = &program[at];
                let jump = |yes: bool| usize::from(if yes { step.jt } else { step.jf });
                match step.code {
                    0x20 => {
                        let from = step.k as usize;
                        value = u32::from_le_bytes(data[from..from + 4].try_into().unwrap());
                    }
                    0x54 => value &= step.k,
                    0x05 => at += step.k as usize,
                    0x15 => at += jump(value == step.k),
                    0x25 => at += jump(value > step.k),
                    0x35 => at += jump(value >= step.k),
                    0x06 => return step.k,
                    code => panic!("an instruction the interpreter does not know: {code:#x}"),
                }
                at += 1;
            }
        };
        programs().unwrap().iter().map(run).min_by_key(|answer| *answer as i32).unwrap()
    }

    const HERE: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
    const ALLOWED: u32 = 0x7fff_0000;
    const DENIED: u32 = 0x0005_0001;
    const UNKNOWN: u32 = 0x0005_0026;
    const KILLED: u32 = 0x8000_0000;

    fn here(call: i64, first: u64) -> u32 {
        answer(HERE, u32::try_from(call).unwrap(), first, 0)
    }

    #[test]
    fn every_socket_family_but_unix_is_refused() {
        assert_eq!(here(libc::SYS_socket, libc::AF_UNIX as u64), ALLOWED);
        assert_eq!(here(libc::SYS_socketpair, libc::AF_UNIX as u64), ALLOWED);
        for family in (0..64).filter(|family| *family != libc::AF_UNIX as u64) {
            assert_eq!(here(libc::SYS_socket, family), DENIED, "family {family}");
            assert_eq!(here(libc::SYS_socketpair, family), DENIED, "family {family}");
        }
        // The kernel reads 32 bits: what stands above them must not make a family look like another.
        assert_eq!(here(libc::SYS_socket, (1 << 32) | libc::AF_INET as u64), DENIED);
        assert_eq!(here(libc::SYS_socket, (7 << 32) | libc::AF_UNIX as u64), ALLOWED);
    }

    #[test]
    fn calls_that_lead_out_are_refused_with_any_argument() {
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            for first in [0, 1, u64::MAX] {
                assert_eq!(here(*call, first), DENIED, "call {call}");
            }
        }
    }

    #[test]
    fn clone_makes_threads_and_processes_but_no_namespaces() {
        let thread = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
        assert_eq!(here(libc::SYS_clone, thread as u64), ALLOWED);
        assert_eq!(here(libc::SYS_clone, libc::SIGCHLD as u64), ALLOWED);
        for flag in NEW_NAMESPACES {
            let flags = flag | libc::SIGCHLD | libc::CLONE_VM;
            assert_eq!(here(libc::SYS_clone, flags as u64), DENIED, "flag {flag:#x}");
        }
        assert_eq!(here(libc::SYS_clone3, 0), UNKNOWN);
    }

    #[test]
    fn foreign_tables_kill_and_unknown_calls_do_not_exist() {
        assert_eq!(answer(0x4000_0003, libc::SYS_read as u32, 0, 0), KILLED);
        assert_eq!(here(0x4000_0000 | libc::SYS_read, 0), KILLED);
        assert_eq!(here(i64::from(NEWEST), 0), ALLOWED);
        for call in [NEWEST + 1, NEWEST + 100, 0x3fff_ffff] {
            assert_eq!(answer(HERE, call, 0, 0), UNKNOWN, "call {call}");
        }
    }

    #[test]
    fn what_ordinary_programs_do_is_left_alone() {
        for call in [
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_openat,
            libc::SYS_mmap,
            libc::SYS_futex,
            libc::SYS_execve,
            libc::SYS_epoll_pwait,
            libc::SYS_kill,
            libc::SYS_sendmsg,
            libc::SYS_connect,
            libc::SYS_memfd_create,
            libc::SYS_prctl,
            libc::SYS_rseq,
            libc::SYS_statx,
            libc::SYS_getrandom,
        ] {
            assert_eq!(here(call, 0), ALLOWED, "call {call}");
        }
    }

    #[test]
    fn nothing_is_typed_into_a_terminal() {
        let ioctl = libc::SYS_ioctl as u32;
        for request in TERMINAL_INPUT {
            assert_eq!(answer(HERE, ioctl, 0, request), DENIED);
            assert_eq!(answer(HERE, ioctl, 0, (1 << 32) | request), DENIED);
        }
        assert_eq!(answer(HERE, ioctl, 0, 0x5401), ALLOWED);
    }
}
