"""The catalogs that are searched unless the configuration says otherwise, and where what we know of them is from.

The names, their `use` and their radii are those of AMPEL's public channel configurations; the columns come from
(R) recorded answers of the catalog service, (U) public AMPEL units and the clients of its catalog service:
T2CatalogMatch's configurations, T2DigestRedshifts (which column is the redshift, which sentinel is none, which scale
Pan-STARRS has), the TNS publishers (which value is a star or an active nucleus), DecentFilter (how Gaia shows a star),
(P) the publication of the catalog.

================  ====  ==========================================================================================
catalog           from  remarks
================  ====  ==========================================================================================
TNS               R     rows carry no position; radius 3″ (U). `host_redshift` is that of the galaxy which the reporters
                        named, and so goes before those of galaxies that are just near
SDSS_spec         U     stars have |z| < 0.001. `bptclass` as in MPA-JHU: 4 is an active nucleus. 5, a weak LINER, which
                        AMPEL's publishers count too, is not taken for one: most old galaxies are
NEDz_extcats      U     searched to 30–60″ in places; 10″ here, since only the nearest row is asked for
NEDz              U     `ObjType`, `Velocity` as well as `z`; angles in radians, which the client turns into degrees
milliquas         R, U  `broad_type` (P, Flesch): capitals Q A B K N are classified by spectrum; others are candidates,
                        whose redshifts are photometric. They count as active nuclei, as in AMPEL
LSPhotoZZou       U     `specz` as well as `photoz`; -999 or null: none. 5″ here and for PS1_photoz: they are deep, and
                        a chance neighbour within 10″ would be the rule
twoMPZ            U     `zSpec` as well as `zPhoto`; typical error 0.015 (P, Bilicki et al. 2014)
wiseScosPhotoz    U     typical error 0.033 (1 + z) (P, Bilicki et al. 2016)
PS1_photoz        U     `z_phot` in thousandths, `z_photErr` in ten-thousandths, both perhaps as text
GLADEv23          U     `z` is from spectra or from 2MPZ, and which of its `flag`s tells could not be verified: so it is
                        taken for photometric, with 2MPZ's error, the best of its kind
brescia           U     quasars and stars by photometry; `subclass` is not used, since its values could not be verified
GAIADR2           R, U  parallax and proper motions: see `_GAIA_STAR`
SDSSDR10          U     `type` 6 is point-like, 3 a galaxy
CRTS_DR1          U     periodic variable stars (P, Drake et al. 2014); has `name`
AAVSOVSX          U     variable stars; has `TYPE` (such as SDOR). Its `use` could not be verified: catsHTM has the same
                        catalog as AAVSO_VSX, so that this one is taken for extcats
================  ====  ==========================================================================================

A catalog that the service does not have costs nothing: the client leaves it out.
"""

from ampel_watch.hosts.spec import (
    PHOTOMETRIC,
    SPECTROSCOPIC,
    CatalogSpec,
    Condition,
    RedshiftColumn,
    Sign,
    TnsColumns,
)

# AMPEL's filters take 3 σ in each of the three, which one quasar in 120 reaches by chance: a supernova that is taken
# for a star is never told of, so it is 5 σ here. Within 2″, since light of one star is measured at 1″ by ZTF.
_GAIA_STAR = Sign(within_arcsec=2.0, significant=(("Plx", "ErrPlx"), ("PMRA", "ErrPMRA"), ("PMDec", "ErrPMDec")))
_NUCLEUS_ARCSEC = 2.0
_STAR_ARCSEC = 2.0
_BY_SPECTRUM = ("Q", "A", "B", "K", "N")
# The VSX lists what is no star, too: active galaxies, supernovae, and what turned out to be constant or an artefact.
_VSX_NUCLEI = ("AGN", "QSO", "BLLAC", "BLAZAR")
_VSX_NO_STARS = (*_VSX_NUCLEI, "GALAXY", "SN", "GRB", "NON-CV")

DEFAULT_CATALOGS: tuple[CatalogSpec, ...] = (
    CatalogSpec(
        "TNS",
        "extcats",
        3.0,
        redshifts=(
            RedshiftColumn("redshift", SPECTROSCOPIC, at_host=False, of_object=True),
            RedshiftColumn("host_redshift", SPECTROSCOPIC, rank=6, at_host=False),
        ),
        tns=TnsColumns(name=("objname", "name"), prefix=("name_prefix",), type=("object_type.name", "type")),
        id_column="objname",
    ),
    CatalogSpec(
        "SDSS_spec",
        "extcats",
        10.0,
        redshifts=(RedshiftColumn("z", SPECTROSCOPIC, "z_err", error=0.0002, rank=1, low=0.001),),
        agn=Sign(_NUCLEUS_ARCSEC, Condition("bptclass", one_of=(4.0,))),
    ),
    CatalogSpec("NEDz_extcats", "extcats", 10.0, redshifts=(RedshiftColumn("z", SPECTROSCOPIC, error=0.0005, rank=2),)),
    CatalogSpec("NEDz", "catsHTM", 10.0, redshifts=(RedshiftColumn("z", SPECTROSCOPIC, error=0.0005, rank=3),)),
    CatalogSpec(
        "milliquas",
        "extcats",
        3.0,
        redshifts=(
            RedshiftColumn("redshift", SPECTROSCOPIC, rank=4, where=Condition("broad_type", begins=_BY_SPECTRUM)),
            RedshiftColumn("redshift", PHOTOMETRIC, error=0.1, where=Condition("broad_type", begins_not=_BY_SPECTRUM)),
        ),
        agn=Sign(),
        id_column="name",
    ),
    CatalogSpec(
        "LSPhotoZZou",
        "extcats",
        5.0,
        redshifts=(
            RedshiftColumn("specz", SPECTROSCOPIC, rank=4, low=0.001),
            RedshiftColumn("photoz", PHOTOMETRIC, "e_photoz", error=0.03, rank=3),
        ),
    ),
    CatalogSpec(
        "twoMPZ",
        "extcats",
        10.0,
        redshifts=(
            RedshiftColumn("zSpec", SPECTROSCOPIC, rank=4),
            RedshiftColumn("zPhoto", PHOTOMETRIC, error=0.015, rank=2),
        ),
    ),
    CatalogSpec("GLADEv23", "extcats", 10.0, redshifts=(RedshiftColumn("z", PHOTOMETRIC, error=0.015, rank=1),)),
    CatalogSpec(
        "wiseScosPhotoz",
        "extcats",
        10.0,
        redshifts=(RedshiftColumn("zPhoto_Corr", PHOTOMETRIC, error=0.033, rank=4),),
        id_column="wiseID",
    ),
    CatalogSpec(
        "PS1_photoz",
        "extcats",
        5.0,
        redshifts=(
            RedshiftColumn(
                "z_phot", PHOTOMETRIC, "z_photErr", scale=1e-3, error_scale=1e-4, error=0.05, rank=5, high=2.0
            ),
        ),
    ),
    CatalogSpec("brescia", "extcats", 3.0, redshifts=(RedshiftColumn("z", PHOTOMETRIC, error=0.1, rank=6),)),
    CatalogSpec("GAIADR2", "catsHTM", 2.0, star=_GAIA_STAR),
    CatalogSpec("SDSSDR10", "catsHTM", 3.0, star=Sign(1.5, Condition("type", one_of=(6.0,)), weak=True)),
    CatalogSpec("CRTS_DR1", "extcats", 3.0, star=Sign(_STAR_ARCSEC), id_column="name"),
    CatalogSpec(
        "AAVSOVSX",
        "extcats",
        3.0,
        star=Sign(_STAR_ARCSEC, Condition("TYPE", begins_not=_VSX_NO_STARS)),
        agn=Sign(_STAR_ARCSEC, Condition("TYPE", begins=_VSX_NUCLEI)),
    ),
)
